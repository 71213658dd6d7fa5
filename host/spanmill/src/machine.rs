//! What is known of this machine: variables that plugins may be given, as `resourcedetection` is.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

/// A fact begins with this.
pub const PREFIX: &str = "SPANMILL_";

/// Everything that is known, by variable. What the system does not tell is not there.
pub fn facts() -> BTreeMap<&'static str, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.insert(name, value);
        }
    };
    let host = kernel("hostname");
    add("SPANMILL_HOST_FQDN", host.as_deref().and_then(full_name));
    add("SPANMILL_HOST_ID", line("/etc/machine-id"));
    add(
        "SPANMILL_HOST_ARCH",
        Some(architecture(std::env::consts::ARCH).to_owned()),
    );
    let interfaces = interfaces(Path::new("/sys/class/net"));
    let macs: Vec<&str> = interfaces.values().map(String::as_str).collect();
    let macs = macs.into_iter().filter(|mac| !mac.is_empty());
    add(
        "SPANMILL_HOST_MACS",
        Some(macs.collect::<Vec<_>>().join(",")),
    );
    let names: Vec<&str> = interfaces.keys().map(String::as_str).collect();
    add("SPANMILL_HOST_INTERFACES", Some(names.join(",")));
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut addresses = ipv4(&read("/proc/net/fib_trie"));
    addresses.extend(ipv6(&read("/proc/net/if_inet6")));
    let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    add("SPANMILL_HOST_IPS", Some(addresses.join(",")));
    let cpu = fields(&read("/proc/cpuinfo"), ':');
    let of_cpu = |key: &str| cpu.get(key).cloned();
    add("SPANMILL_HOST_CPU_VENDOR_ID", of_cpu("vendor_id"));
    add("SPANMILL_HOST_CPU_FAMILY", of_cpu("cpu family"));
    add("SPANMILL_HOST_CPU_MODEL_ID", of_cpu("model"));
    add("SPANMILL_HOST_CPU_MODEL_NAME", of_cpu("model name"));
    add("SPANMILL_HOST_CPU_STEPPING", of_cpu("stepping"));
    let cache = of_cpu("cache size");
    let cache = cache.and_then(|size| Some(size.split(' ').next()?.to_owned()));
    add("SPANMILL_HOST_CPU_CACHE_L2_SIZE", cache);
    let system = fields(&read("/etc/os-release"), '=');
    let of_system = |key: &str| {
        system
            .get(key)
            .map(|value| value.trim_matches('"').to_owned())
    };
    add("SPANMILL_OS_TYPE", Some(std::env::consts::OS.to_owned()));
    add("SPANMILL_OS_NAME", of_system("NAME"));
    add("SPANMILL_OS_VERSION", of_system("VERSION_ID"));
    add("SPANMILL_OS_BUILD_ID", of_system("BUILD_ID"));
    add(
        "SPANMILL_OS_DESCRIPTION",
        description(of_system("PRETTY_NAME"), host.as_deref()),
    );
    add("SPANMILL_HOST_NAME", host);
    facts
}

/// The first line of a file.
fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

fn kernel(what: &str) -> Option<String> {
    line(&format!("/proc/sys/kernel/{what}"))
}

/// The host's name with its domain, as far as the machine knows it without asking: its own name, or an alias of it in
/// `/etc/hosts`.
fn full_name(host: &str) -> Option<String> {
    if host.contains('.') {
        return Some(host.to_owned());
    }
    let hosts = fs::read_to_string("/etc/hosts").ok()?;
    alias_with_domain(&hosts, host)
}

fn alias_with_domain(hosts: &str, host: &str) -> Option<String> {
    let lines = hosts.lines().filter_map(|line| line.split('#').next());
    let names = lines.map(|line| line.split_whitespace().skip(1));
    let mut of_host = names.filter(|names| names.clone().any(|name| name == host));
    let name = of_host.find_map(|mut names| names.find(|name| name.contains('.')))?;
    Some(name.to_owned())
}

/// An architecture as OpenTelemetry's `host.arch` has it.
fn architecture(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Each network interface that is no loopback, and its hardware address.
fn interfaces(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let interface = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let address = fs::read_to_string(entry.path().join("address")).unwrap_or_default();
        let address = address.trim();
        let is_none = address.chars().all(|digit| matches!(digit, '0' | ':'));
        let address = if is_none { "" } else { address };
        (name != "lo").then(|| (name, address.to_owned()))
    };
    entries.filter_map(interface).collect()
}

/// The machine's own addresses in the kernel's routing table.
fn ipv4(trie: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut address = None;
    for line in trie.lines() {
        if let Some((_, text)) = line.split_once("|-- ") {
            address = text.trim().parse::<IpAddr>().ok();
        } else if line.contains("/32 host LOCAL")
            && let Some(address) = address.filter(|address| !address.is_loopback())
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// The addresses in `/proc/net/if_inet6`.
fn ipv6(table: &str) -> Vec<IpAddr> {
    let addresses = table.lines().filter_map(|line| line.get(..32));
    let addresses = addresses.filter_map(|digits| u128::from_str_radix(digits, 16).ok());
    let addresses = addresses.map(Ipv6Addr::from);
    let addresses = addresses.filter(|address| !address.is_loopback());
    addresses.map(IpAddr::V6).collect()
}

/// Lines of a key and a value; the first of a key counts.
fn fields(text: &str, separator: char) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(separator)) {
        let key = key.trim().to_owned();
        fields.entry(key).or_insert_with(|| value.trim().to_owned());
    }
    fields
}

/// As OpenTelemetry's SDK for Go describes a system.
fn description(name: Option<String>, host: Option<&str>) -> Option<String> {
    let (kind, release, version) = (kernel("ostype")?, kernel("osrelease")?, kernel("version")?);
    let machine = std::env::consts::ARCH;
    let kernel = format!("{kind} {} {release} {version} {machine}", host?);
    Some(match name {
        Some(name) => format!("{name} ({kernel})"),
        None => kernel,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_machine_and_no_loopback() {
        let trie = "Main:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 10.1.2.3\n     /32 host LOCAL\n  |-- 10.1.2.0\n     /24 link UNICAST\nLocal:\n  |-- 10.1.2.3\n     /32 host LOCAL\n";
        assert_eq!(ipv4(trie), ["10.1.2.3".parse::<IpAddr>().unwrap()]);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\nfe80000000000000004202fffe010203 02 40 20 80     eth0\n";
        assert_eq!(
            ipv6(table),
            ["fe80::42:2ff:fe01:203".parse::<IpAddr>().unwrap()]
        );
    }

    #[test]
    fn a_name_with_a_domain_is_an_alias_of_the_host() {
        let hosts = "127.0.0.1 localhost\n10.0.0.7\tweb-1.example.com web-1 # web-1.other\n";
        assert_eq!(
            alias_with_domain(hosts, "web-1").as_deref(),
            Some("web-1.example.com")
        );
        assert_eq!(alias_with_domain(hosts, "web-2"), None);
    }

    #[test]
    fn this_machine_has_a_name_a_system_and_an_architecture() {
        let facts = facts();
        for name in [
            "SPANMILL_HOST_NAME",
            "SPANMILL_OS_TYPE",
            "SPANMILL_HOST_ARCH",
        ] {
            assert!(facts.contains_key(name), "{name}");
        }
        assert!(facts.keys().all(|name| name.starts_with(PREFIX)));
    }
}
