//! Calls that do not come back well.

use std::hint::black_box;

use crate::bindings::spanmill::plugin::contract::PluginError;
use crate::bindings::spanmill::plugin::{counters, log};

pub(crate) fn commit(behaviour: &str) -> Result<(), PluginError> {
    match behaviour {
        "panic" => panic!("the guest panics"),
        "trap" => trap(),
        "loop" => spin(),
        // No code of the guest's runs meanwhile.
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(3600)),
        "grow" => grow(),
        "recurse" => {
            black_box(recurse(black_box(0)));
        }
        "batch-error" => return Err(PluginError::Batch("this batch is not for me".to_owned())),
        "state-error" => return Err(PluginError::State("I have lost count".to_owned())),
        "not-configured" => return Err(PluginError::NotConfigured),
        "exit" => std::process::exit(3),
        "print" => {
            println!("said on stdout");
            eprintln!("said on stderr");
            log::log(log::Level::Info, "said to the log");
        }
        "count" => {
            counters::count("declared", 1);
            counters::count("jane.doe@example.com", 1);
        }
        "shout" => shout(),
        "chatter" => (0..10_000).for_each(|line| println!("line {line}")),
        "forge" => println!("\u{1b}[2Jcleared {{\"level\":\"ERROR\"}}\r\u{7}"),
        "escape" => escape(),
        "clock" => clock(),
        other => panic!("no such behaviour: {other}"),
    }
    Ok(())
}

/// Texts of 16 MiB as a message and as a counter's name.
fn shout() {
    let text = "x".repeat(16 << 20);
    for _ in 0..20 {
        log::log(log::Level::Info, &text);
        counters::count(&text, 1);
    }
}

pub(crate) fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}

pub(crate) fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn grow() {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1u8; 1 << 20]));
    }
}

/// As many bytes as there is memory for, up to a size.
pub(crate) fn hoard(mut size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.try_reserve_exact(size).is_err() {
        size /= 2;
    }
    bytes.resize(size, b'x');
    bytes
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[(depth % 64) as usize]
}

/// Reaches for everything that a plugin has not got; says what it could get hold of.
fn escape() {
    let mut got = Vec::new();
    if std::fs::read_dir("/").is_ok()
        || std::fs::read("/etc/passwd").is_ok()
        || std::fs::write("/tmp/escaped", "here").is_ok()
    {
        got.push("files");
    }
    if std::env::vars().next().is_some() || std::env::args().next().is_some() {
        got.push("the environment");
    }
    if std::net::TcpStream::connect("127.0.0.1:4317").is_ok()
        || std::net::TcpListener::bind("127.0.0.1:0").is_ok()
        || std::net::UdpSocket::bind("127.0.0.1:0").is_ok()
        || std::net::ToSocketAddrs::to_socket_addrs("localhost:80").is_ok()
    {
        got.push("sockets");
    }
    if since_1970() != FIXED_TIME {
        got.push("the time");
    }
    let began = std::time::Instant::now();
    (0..1_000_000u64).for_each(|turn| {
        black_box(turn);
    });
    if !began.elapsed().is_zero() {
        got.push("a stopwatch");
    }
    println!("got hold of {got:?}");
}

/// Where a guest's wall clock stands, in seconds since 1970.
const FIXED_TIME: u64 = 1_577_836_800;

fn since_1970() -> u64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Says where the clocks stand. Go's runtime ends at once if the monotonic one is at zero.
fn clock() {
    let monotonic = std::time::Instant::now();
    let moved = monotonic.checked_sub(std::time::Duration::from_nanos(1));
    println!(
        "the wall clock says {}, the monotonic clock is {}",
        since_1970(),
        if moved.is_some() {
            "above zero"
        } else {
            "at zero"
        }
    );
}
