//! Hosts and addresses in a permission.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use super::InvalidPermission;
use super::list::Rule;

/// What a permission to connect is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NetPattern {
    hosts: Hosts,
    /// Without, every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Hosts {
    /// A name, in small letters.
    Named(String),
    /// All names that end in `.` and this one, in small letters.
    Below(String),
    Addresses(IpNet),
    Range(Range),
}

/// Addresses of one kind. Each address is of exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Range {
    /// Those of the internet.
    Public,
    /// Those of a company's or a home's own network.
    Private,
    /// This machine.
    Loopback,
    /// The network segment alone, where clouds tell a machine its secrets; and what is no address of one machine.
    LinkLocal,
}

impl Range {
    const ALL: [(&'static str, Self); 4] = [
        ("public", Self::Public),
        ("private", Self::Private),
        ("loopback", Self::Loopback),
        ("link-local", Self::LinkLocal),
    ];

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [first, second, third, _] = address.octets();
        // The address 0.0.0.0 reaches this machine.
        if address.is_loopback() || first == 0 {
            Self::Loopback
        } else if address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || first >= 240
        {
            Self::LinkLocal
        } else if address.is_private()
            || (first == 100 && (64..128).contains(&second))
            || (first == 198 && (18..20).contains(&second))
            || (first, second, third) == (192, 0, 0)
        {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address.is_loopback() || address.is_unspecified() {
            Self::Loopback
        } else if address.is_unicast_link_local() || address.is_multicast() {
            Self::LinkLocal
        // Unique local addresses, and the old site-local ones.
        } else if address.is_unique_local() || address.segments()[0] & 0xffc0 == 0xfec0 {
            Self::Private
        } else {
            Self::Public
        }
    }
}

impl FromStr for NetPattern {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        if let Some((_, rest)) = text.split_once("://") {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = &rest[..end];
            return Err(InvalidPermission(format!(
                "{text:?} is a URL, and a host is needed: write {host}"
            )));
        }
        let invalid = || {
            InvalidPermission(format!(
                "{text:?} is no host: write example.com, *.example.com, 10.0.0.7, 10.0.0.0/8, [::1], each also with a \
                 port (example.com:443); or public, private, loopback, link-local. A name in other letters is written as it is \
                 looked up: xn--bcher-kva.example"
            ))
        };
        // An address of IPv6 without brackets has no port.
        if let Ok(address) = text.parse::<IpAddr>() {
            let hosts = Hosts::Addresses(real_address(address).into());
            return Ok(Self { hosts, port: None });
        }
        if let Ok(network) = text.parse::<IpNet>() {
            let hosts = Hosts::Addresses(network.trunc());
            return Ok(Self { hosts, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) => {
                (host, Some(port.parse().map_err(|_| invalid())?))
            }
            _ => (text, None),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let hosts = Hosts::Addresses(real_address(address).into());
            return Ok(Self { hosts, port });
        }
        if let Ok(network) = bare.parse::<IpNet>() {
            let hosts = Hosts::Addresses(network.trunc());
            return Ok(Self { hosts, port });
        }
        if let Some((_, range)) = Range::ALL.iter().find(|(name, _)| *name == host) {
            let hosts = Hosts::Range(*range);
            return Ok(Self { hosts, port });
        }
        let name = host_name(host);
        let (is_below, name) = match name.strip_prefix("*.") {
            Some(rest) => (true, rest.to_owned()),
            None => (false, name),
        };
        // A URL's host is in ASCII by the time it is looked at, so a name in other letters would never be met.
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || !name.chars().all(is_of_a_name) || name.split('.').any(str::is_empty)
        {
            return Err(invalid());
        }
        let hosts = match is_below {
            true => Hosts::Below(name),
            false => Hosts::Named(name),
        };
        Ok(Self { hosts, port })
    }
}

impl fmt::Display for NetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            Hosts::Named(name) => f.write_str(name)?,
            Hosts::Below(name) => write!(f, "*.{name}")?,
            Hosts::Addresses(network) => {
                let is_one = network.prefix_len() == network.max_prefix_len();
                match (is_one, network.addr(), self.port) {
                    (true, IpAddr::V6(address), Some(_)) => write!(f, "[{address}]")?,
                    (true, address, _) => write!(f, "{address}")?,
                    (false, _, Some(_)) if network.addr().is_ipv6() => write!(f, "[{network}]")?,
                    (false, _, _) => write!(f, "{network}")?,
                }
            }
            Hosts::Range(range) => {
                let named = Range::ALL.iter().find(|(_, other)| other == range);
                f.write_str(named.map_or("", |(name, _)| name))?;
            }
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl NetPattern {
    fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }

    fn has_name(&self, name: &str) -> bool {
        match &self.hosts {
            Hosts::Named(own) => own == name,
            Hosts::Below(own) => name
                .strip_suffix(own.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
            Hosts::Addresses(_) | Hosts::Range(_) => false,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        match &self.hosts {
            Hosts::Addresses(network) => network.contains(&address),
            Hosts::Range(range) => Range::of(address) == *range,
            Hosts::Named(_) | Hosts::Below(_) => false,
        }
    }

    fn is_of_addresses(&self) -> bool {
        matches!(self.hosts, Hosts::Addresses(_) | Hosts::Range(_))
    }
}

/// Whether a host may be connected to; without an address, whether there could be one at which it may.
pub(super) fn permits(
    rule: &Rule<NetPattern>,
    name: &str,
    port: u16,
    address: Option<IpAddr>,
) -> bool {
    if denies(rule, name, port, address) {
        return false;
    }
    rule.gives(|pattern| {
        if !pattern.has_port(port) {
            return false;
        }
        match address {
            None => pattern.has_name(name) || pattern.is_of_addresses(),
            Some(address) => {
                let is_near = matches!(Range::of(address), Range::Loopback | Range::LinkLocal);
                let by_name = pattern.has_name(name) && (!is_near || is_this_machine(name));
                by_name || pattern.has_address(address)
            }
        }
    })
}

pub(super) fn denies(
    rule: &Rule<NetPattern>,
    name: &str,
    port: u16,
    address: Option<IpAddr>,
) -> bool {
    rule.is_denied(|pattern| {
        let is_meant =
            pattern.has_name(name) || address.is_some_and(|address| pattern.has_address(address));
        pattern.has_port(port) && is_meant
    })
}

/// A name that means this machine, and nothing else.
fn is_this_machine(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// A host as it is compared: in small letters, without brackets and the last dot.
pub(super) fn host_name(host: &str) -> String {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    bare.to_lowercase()
}

/// The address that a host is itself.
pub(super) fn address_of(name: &str) -> Option<IpAddr> {
    // An address of IPv6 may name the network card behind a percent sign.
    let bare = name.split_once('%').map_or(name, |(address, _)| address);
    bare.parse().ok().map(real_address)
}

/// The address that is reached: of an IPv4 address that is written as one of IPv6, the IPv4 address.
pub(super) fn real_address(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        IpAddr::from(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    match (a, b) {
        // Networks of IPv6 alone reach IPv4 by this prefix.
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => v4(g, h),
        (0x2002, _) => v4(b, c),
        // `::127.0.0.1`, long out of use.
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0) && g != 0 => v4(g, h),
        _ => address,
    }
}
