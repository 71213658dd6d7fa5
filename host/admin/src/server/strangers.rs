//! Those who are not let in: told of in the log without filling it, and kept from trying at leisure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens that an address may show in a row, and how long it takes until it may show one more.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// Addresses that are remembered; further ones share a place.
const ADDRESSES: usize = 1024;
/// Between two log lines.
const QUIET: Duration = Duration::from_secs(60);

/// What is remembered of strangers.
#[derive(Default)]
pub(super) struct Strangers(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// When each address will have all its tries again.
    whole_at: HashMap<Option<IpAddr>, Instant>,
    told_at: Option<Instant>,
    untold: u64,
}

impl Strangers {
    /// Whether a request from there is looked at, or how long it should wait.
    pub(super) fn may_try(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = seen.wait(seen.place(from), now);
        match wait.is_zero() {
            true => Ok(()),
            false => Err(wait),
        }
    }

    /// Notes a wrong token.
    pub(super) fn failed(&self, from: IpAddr, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.whole_at.len() >= ADDRESSES {
            seen.whole_at.retain(|_, whole_at| *whole_at > now);
        }
        let place = seen.place(from);
        let whole_at = seen.whole_at.get(&place).copied().unwrap_or(now).max(now);
        if let Some(later) = whole_at.checked_add(PAUSE) {
            seen.whole_at.insert(place, later);
        }
        seen.refused(from, now);
    }

    /// Notes a request that shows no token.
    pub(super) fn without_token(&self, from: IpAddr, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.refused(from, now);
    }

    /// Notes a user who may not use the socket.
    pub(super) fn wrong_user(&self, user: Option<u32>, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.tell(now, |refused| match user {
            Some(user) => tracing::warn!(
                user,
                refused,
                "admin API: another user's connection was refused"
            ),
            None => tracing::warn!(
                refused,
                "admin API: a connection was refused; the system does not say whose it is"
            ),
        });
    }
}

impl Seen {
    /// Under what an address is remembered: an IPv6 network is mostly one party.
    fn place(&self, from: IpAddr) -> Option<IpAddr> {
        let network = match from.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(network.into())
            }
            address => address,
        };
        let known = self.whole_at.contains_key(&Some(network));
        (known || self.whole_at.len() < ADDRESSES).then_some(network)
    }

    fn wait(&self, place: Option<IpAddr>, now: Instant) -> Duration {
        let used = self
            .whole_at
            .get(&place)
            .map_or(Duration::ZERO, |whole_at| {
                whole_at.saturating_duration_since(now)
            });
        let most = PAUSE.saturating_mul(TRIES.saturating_sub(1));
        used.saturating_sub(most)
    }

    fn refused(&mut self, from: IpAddr, now: Instant) {
        self.tell(now, |refused| {
            tracing::warn!(%from, refused, "admin API: a request without the right token was refused");
        });
    }

    /// Logs at once, or counts until it may log again.
    fn tell(&mut self, now: Instant, say: impl FnOnce(u64)) {
        self.untold = self.untold.saturating_add(1);
        let is_quiet = self
            .told_at
            .is_some_and(|at| now.saturating_duration_since(at) < QUIET);
        if !is_quiet {
            self.told_at = Some(now);
            say(std::mem::take(&mut self.untold));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn who_fails_often_must_wait() {
        let strangers = Strangers::default();
        let began = Instant::now();
        for _ in 0..TRIES {
            strangers.may_try(HERE, began).unwrap();
            strangers.failed(HERE, began);
        }
        assert_eq!(strangers.may_try(HERE, began), Err(PAUSE));
        let elsewhere = "10.0.0.1".parse().unwrap();
        strangers.may_try(elsewhere, began).unwrap();
        let later = began + PAUSE;
        strangers.may_try(HERE, later).unwrap();
        strangers.failed(HERE, later);
        strangers.may_try(HERE, later).unwrap_err();
        let much_later = began + PAUSE * (TRIES + 2);
        for _ in 0..TRIES {
            strangers.may_try(HERE, much_later).unwrap();
            strangers.failed(HERE, much_later);
        }
    }

    #[test]
    fn an_ipv6_network_is_one_party() {
        let strangers = Strangers::default();
        let now = Instant::now();
        for host in 0..u128::from(TRIES) {
            let from = std::net::Ipv6Addr::from(0x2001_0db8 << 96 | host);
            strangers.failed(from.into(), now);
        }
        strangers
            .may_try("2001:db8::ffff".parse().unwrap(), now)
            .unwrap_err();
        strangers
            .may_try("2001:db8:1::1".parse().unwrap(), now)
            .unwrap();
    }

    #[test]
    fn many_addresses_do_not_fill_the_memory() {
        let strangers = Strangers::default();
        let now = Instant::now();
        for number in 0..5_000u32 {
            strangers.failed(std::net::Ipv4Addr::from(number).into(), now);
        }
        assert!(strangers.0.lock().unwrap().whole_at.len() <= ADDRESSES + 1);
        // Those that found no place of their own wait together.
        let late = std::net::Ipv4Addr::from(100_000).into();
        strangers.may_try(late, now).unwrap_err();
    }

    #[test]
    fn one_line_at_once_and_then_one_a_minute() {
        let mut seen = Seen::default();
        let began = Instant::now();
        let mut told = Vec::new();
        for second in 0..150 {
            let now = began + Duration::from_secs(second);
            seen.tell(now, |refused| told.push(refused));
        }
        assert_eq!(told, [1, 60, 60]);
    }
}
