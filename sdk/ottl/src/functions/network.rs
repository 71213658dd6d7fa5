//! Addresses, flows between them, and numbers with a check digit.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest::Digest;

use crate::coerce::Kind::{Int, Text, TextLike, Texts};
use crate::datum::{Datum, Failure};
use crate::function::Make::{Plain, Prepared};
use crate::function::{
    Answer, Constants, Function, Input, Signature, converter, function, may_take, predicate, takes,
};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter(
        "CommunityID",
        &[
            takes("source_ip", Text),
            takes("source_port", Int),
            takes("destination_ip", Text),
            takes("destination_port", Int),
            may_take("protocol", Text),
            may_take("seed", Int),
        ],
        Plain(community_id),
    ),
    predicate(
        "IsInCIDR",
        &[takes("target", Text), takes("networks", Texts)],
        Prepared(is_in_cidr),
    ),
    predicate(
        "IsValidLuhn",
        &[takes("target", TextLike)],
        Plain(is_valid_luhn),
    ),
];

/// Addresses whose first bits are these.
#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    bits: u32,
}

/// An address in its shortest form, as Go compares them.
fn address(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

impl Network {
    fn parsed(text: &str) -> Option<Network> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Network { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let same = |left: u128, right: u128, width: u32| {
            let shift = width - self.bits;
            shift >= 128 || left >> shift == right >> shift
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(u32::from(own).into(), u32::from(other).into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.into(), other.into(), 128),
            _ => false,
        }
    }
}

fn is_in_cidr(constants: &Constants<'_>) -> Result<Function, String> {
    let Some(texts) = constants.texts("networks") else {
        return Ok(function(|input| {
            let Some(address) = address(input.text(0)?) else {
                return Ok(Datum::Bool(false));
            };
            for network in input.list {
                let network = match network {
                    Datum::Text(text) => Network::parsed(text),
                    _ => None,
                };
                let network = network.ok_or(
                    "IsInCIDR got a network that is not in CIDR notation, such as 10.0.0.0/8",
                )?;
                if network.contains(address) {
                    return Ok(Datum::Bool(true));
                }
            }
            Ok(Datum::Bool(false))
        }));
    };
    let mut networks = Vec::new();
    for text in texts {
        let network = Network::parsed(text)
            .ok_or_else(|| format!("{text:?} is no network; write one such as \"10.0.0.0/8\""))?;
        networks.push(network);
    }
    Ok(function(move |input| {
        let address = address(input.text(0)?);
        let within = |address| networks.iter().any(|network| network.contains(address));
        Ok(Datum::Bool(address.is_some_and(within)))
    }))
}

fn port(number: i64) -> Result<u16, Failure> {
    u16::try_from(number).map_err(|_| "CommunityID got a number that is not between 0 and 65535")
}

fn community_id<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    const NO_ADDRESS: Failure = "CommunityID got a string that is no address";
    let end = |text: &str, number: i64| -> Result<(Vec<u8>, u16), Failure> {
        let port = port(number)?;
        Ok(match address(text).ok_or(NO_ADDRESS)? {
            IpAddr::V4(address) => (address.octets().to_vec(), port),
            IpAddr::V6(address) => (address.octets().to_vec(), port),
        })
    };
    let mut source = end(input.text(0)?, input.int(1)?)?;
    let mut destination = end(input.text(2)?, input.int(3)?)?;
    let protocol = match input.value(4) {
        Datum::Text(name) => match name.as_ref() {
            "ICMP" => 1,
            "TCP" => 6,
            "UDP" => 17,
            "RSVP" => 46,
            "ICMP6" => 58,
            "SCTP" => 132,
            _ => return Err("CommunityID got a protocol that is not known"),
        },
        _ => 6,
    };
    let seed = match input.value(5) {
        Datum::Int(seed) => port(*seed)?,
        _ => 0,
    };
    // A flow is the same in both directions.
    if (source.0.len(), &source) > (destination.0.len(), &destination) {
        std::mem::swap(&mut source, &mut destination);
    }
    let mut flow = seed.to_be_bytes().to_vec();
    flow.extend(&source.0);
    flow.extend(&destination.0);
    flow.extend([protocol, 0]);
    flow.extend(source.1.to_be_bytes());
    flow.extend(destination.1.to_be_bytes());
    let hash = STANDARD.encode(sha1::Sha1::digest(&flow));
    Ok(Datum::text(format!("1:{hash}")))
}

fn is_valid_luhn<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let Datum::Text(text) = input.value(0) else {
        return Err("IsValidLuhn got nil");
    };
    let mut sum = 0;
    let mut count = 0;
    for (at, character) in text.chars().rev().filter(|c| *c != ' ').enumerate() {
        let digit = character
            .to_digit(10)
            .ok_or("IsValidLuhn got a string with more than digits and spaces")?;
        count += 1;
        sum += match at % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        };
    }
    Ok(Datum::Bool(count > 0 && sum % 10 == 0))
}
