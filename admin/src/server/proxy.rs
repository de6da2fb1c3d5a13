//! Proxies in front of the service: which are trusted, and what is believed of what they say.
//!
//! Every client can send the headers of a proxy. They count only if the connection itself comes from a trusted address; a
//! user name from anywhere else is refused: it is an attempt to pose as another user, or a mistake in the set-up.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode};

use crate::api::problem::Problem;
use crate::auth::{Person, Role};

/// What a proxy says of the way of a request: the client first, each proxy adds whom it speaks to.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The most steps that are looked at: a client may have sent any number of them.
const MOST_STEPS: usize = 32;

/// The longest login.
const LONGEST_LOGIN: usize = 256;

/// A range of addresses: `10.0.0.0/8`, `::1`.
///
/// ```
/// use cla_admin::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse().unwrap()));
/// assert!(!network.contains("192.168.0.1".parse().unwrap()));
/// # Ok::<(), cla_admin::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many of the first bits count.
    bits: u8,
}

/// Why a text names no range of addresses.
///
/// ```
/// use cla_admin::Network;
///
/// assert!("10.0.0.0/99".parse::<Network>().is_err());
/// let error = "10.0.0.7/8".parse::<Network>().unwrap_err();
/// assert!(error.to_string().contains("without bits behind the prefix"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write an address, or a range such as 10.0.0.0/8 or fd00::/8, without bits behind the prefix"
)]
#[non_exhaustive]
pub struct NetworkError;

impl Network {
    /// Whether the address is in it. An IPv4 address that is written as IPv6 is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let wide = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let ((own, length), (other, its)) = (wide(self.address), wide(address.to_canonical()));
        length == its && prefix(own, self.bits) == prefix(other, self.bits)
    }
}

/// The first bits of a number; all others are 0.
fn prefix(number: u128, bits: u8) -> u128 {
    match bits {
        0 => 0,
        bits => number & (u128::MAX << (128 - u32::from(bits))),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // `+8` is a number to the library.
            Some(bits) if bits.bytes().all(|digit| digit.is_ascii_digit()) => {
                bits.parse().map_err(|_| NetworkError)?
            }
            Some(_) => return Err(NetworkError),
            None => most,
        };
        let number = match address {
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => u128::from(address),
        };
        // 10.1.2.3/8 is more likely a mistake than intended.
        if bits > most || prefix(number, bits) != number {
            return Err(NetworkError);
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Which role the users have that a proxy has signed in.
///
/// ```
/// use cla_admin::{Role, UserRole};
///
/// assert_eq!("viewer".parse::<UserRole>()?, UserRole::Always(Role::Viewer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRole {
    /// All of them this one.
    Always(Role),
    /// Each the one that this header names: `viewer`, `operator` or `admin`.
    Header(HeaderName),
}

impl FromStr for UserRole {
    type Err = &'static str;

    /// The name of a role, or else of a header.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(role) = text.parse() {
            return Ok(Self::Always(role));
        }
        let header = text.parse().map(Self::Header);
        header.map_err(|_| "name a role (viewer, operator, admin), or the header that has it")
    }
}

/// Which proxies are trusted, and with what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<Network>,
    users: Option<(HeaderName, UserRole)>,
}

/// The user whom a trusted proxy has signed in.
#[derive(Clone, Debug)]
pub(crate) struct ProxyUser(pub(crate) Person);

impl Proxies {
    pub(crate) fn trust(&mut self, network: Network) {
        self.trusted.push(network);
    }

    pub(crate) fn users(&mut self, login: HeaderName, role: UserRole) {
        self.users = Some((login, role));
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Puts the address of the client, and the user, into the extensions of a request, as far as a trusted proxy says them.
    pub(crate) fn look(&self, request: &mut Request) -> Result<(), Problem> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(address)| *address);
        let trusted = peer.filter(|peer| self.trusts(peer.ip()));
        if let Some(user) = self.user(request.headers(), trusted.is_some())? {
            request.extensions_mut().insert(ProxyUser(user));
        }
        if let Some(peer) = trusted {
            let client = self.client(request.headers(), peer.ip());
            let client = SocketAddr::new(client, peer.port());
            request.extensions_mut().insert(ConnectInfo(client));
        }
        Ok(())
    }

    /// The address of the client: the last step on the way that is no trusted proxy. What stands before it is only what the
    /// client says.
    fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let values = headers.get_all(FORWARDED_FOR);
        let values: Vec<&str> = values
            .iter()
            .map(|value| value.to_str().unwrap_or(""))
            .collect();
        let way = values.iter().flat_map(|value| value.split(','));
        let way: Vec<&str> = way.collect();
        let mut client = peer;
        for step in way.into_iter().rev().take(MOST_STEPS) {
            // A trusted proxy writes addresses. What else is there comes from the client.
            let Some(address) = address(step.trim()) else {
                break;
            };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    fn user(&self, headers: &HeaderMap, trusted: bool) -> Result<Option<Person>, Problem> {
        let Some((login, role)) = &self.users else {
            return Ok(None);
        };
        let named = match role {
            UserRole::Header(role) => headers.contains_key(role),
            UserRole::Always(_) => false,
        };
        if !trusted {
            if headers.contains_key(login) || named {
                return Err(untrusted());
            }
            return Ok(None);
        }
        let Some(login) = one(headers, login)? else {
            return Ok(None);
        };
        let role = match role {
            UserRole::Always(role) => *role,
            UserRole::Header(header) => match one(headers, header)? {
                Some(role) => role
                    .parse()
                    .map_err(|must: &str| wrong(format!("`{header}`: {must}")))?,
                None => return Err(wrong(format!("the proxy sends no `{header}`"))),
            },
        };
        Ok(Some(Person::new(login, role).by_proxy()))
    }
}

/// `10.0.0.1`, `[::1]`, and either with a port, as some proxies write it.
fn address(step: &str) -> Option<IpAddr> {
    let bare = step.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(step.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// The value of a header that a proxy sends once.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        // One of them may come from the client.
        return Err(wrong(format!("the proxy passes on several `{name}`")));
    }
    let value = value.to_str().map(str::trim).unwrap_or_default();
    if value.is_empty() || value.len() > LONGEST_LOGIN {
        return Err(wrong(format!("`{name}` is no name")));
    }
    Ok(Some(value))
}

fn untrusted() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "untrusted-proxy",
        "Not a trusted proxy",
        "the request says whom a proxy has signed in, and comes from no trusted proxy",
    )
}

fn wrong(detail: String) -> Problem {
    let title = "The proxy does not say who it is";
    Problem::new(StatusCode::FORBIDDEN, "wrong-proxy-user", title, detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn a_network_is_an_address_or_a_range_of_them() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "::2"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(
                network.contains(inside.parse().unwrap()),
                "{network} {inside}"
            );
            assert!(
                !network.contains(outside.parse().unwrap()),
                "{network} {outside}"
            );
        }
        for wrong in [
            "",
            "x",
            "10.0.0.0/33",
            "10.1.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    fn headers(values: &[(&'static str, &'static str)]) -> HeaderMap {
        let named = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in values.iter().map(named) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn the_client_is_the_last_step_that_is_no_trusted_proxy() {
        let mut proxies = Proxies::default();
        proxies.trust("10.0.0.0/8".parse().unwrap());
        let client = |values: &[&'static str]| {
            let values: Vec<_> = values.iter().map(|value| (FORWARDED_FOR, *value)).collect();
            let client = proxies.client(&headers(&values), "10.0.0.1".parse().unwrap());
            client.to_string()
        };
        assert_eq!(client(&[]), "10.0.0.1");
        assert_eq!(client(&["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&["203.0.113.9, 10.0.0.7"]), "203.0.113.9");
        assert_eq!(client(&["203.0.113.9", "10.0.0.7"]), "203.0.113.9");
        // The client wrote the first one itself.
        assert_eq!(client(&["127.0.0.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            client(&["127.0.0.1", "203.0.113.9, 10.0.0.7"]),
            "203.0.113.9"
        );
        assert_eq!(client(&["unknown, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(client(&["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client(&["203.0.113.9:80"]), "203.0.113.9");
    }

    #[test]
    fn a_user_is_believed_of_a_trusted_proxy_alone() {
        let mut proxies = Proxies::default();
        let user = HeaderName::from_static("remote-user");
        proxies.users(user, "remote-role".parse().unwrap());
        let good = headers(&[("remote-user", "anna"), ("remote-role", "operator")]);
        let person = proxies.user(&good, true).unwrap().unwrap();
        assert_eq!((person.login(), person.role()), ("anna", Role::Operator));
        assert!(proxies.user(&good, false).is_err());
        assert!(
            proxies
                .user(&headers(&[("remote-role", "admin")]), false)
                .is_err()
        );
        assert!(proxies.user(&headers(&[]), false).unwrap().is_none());
        assert!(proxies.user(&headers(&[]), true).unwrap().is_none());
        for wrong in [
            &[("remote-user", "anna")][..],
            &[("remote-user", "anna"), ("remote-role", "root")],
            &[("remote-user", ""), ("remote-role", "viewer")],
            &[
                ("remote-user", "a"),
                ("remote-user", "b"),
                ("remote-role", "viewer"),
            ],
            &[
                ("remote-user", "a"),
                ("remote-role", "viewer"),
                ("remote-role", "admin"),
            ],
        ] {
            assert!(proxies.user(&headers(wrong), true).is_err(), "{wrong:?}");
        }
    }
}
