//! The names by which clients reach the service: [`AllowedHosts`].
//!
//! A page of a stranger can make a browser ask any address, also `127.0.0.1`, under a name of the stranger's (DNS
//! rebinding). The browser then says that name, and is refused.

use std::net::SocketAddr;

/// Host names, in lower case, each with its port if it is not the scheme's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    address: Option<SocketAddr>,
    names: Vec<String>,
    tls: bool,
}

impl AllowedHosts {
    pub(crate) fn listening_on(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        let port = address.port();
        if address.ip().is_unspecified() {
            // Reached by the names that are allowed besides, and from this machine.
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                self.names.push(format!("{name}:{port}"));
            }
        } else {
            self.names.push(address.to_string());
            if address.ip().is_loopback() {
                self.names.push(format!("localhost:{port}"));
            }
        }
        self
    }

    pub(crate) fn allow(mut self, name: &str) -> Self {
        self.names.push(name.trim().to_ascii_lowercase());
        self
    }

    pub(crate) fn over_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    pub(crate) fn is_over_tls(&self) -> bool {
        self.tls
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.address.map(|address| address.port())
    }

    /// Where the service is, as a link.
    pub(crate) fn address(&self) -> String {
        let host = match self.address {
            Some(address) if !address.ip().is_unspecified() => address.to_string(),
            Some(address) => format!("localhost:{}", address.port()),
            None => {
                let name = self.names.first().map(String::as_str);
                name.unwrap_or("localhost").to_owned()
            }
        };
        format!("{}://{host}", self.scheme())
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Whether a `Host` header names this service.
    pub(crate) fn is_own(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let default = if self.tls { ":443" } else { ":80" };
        let is_it = |name: &String| {
            *name == host
                || name.strip_suffix(default) == Some(&host)
                || host.strip_suffix(default) == Some(name)
        };
        self.names.iter().any(is_it)
    }

    /// Whether an `Origin` header names this service.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        let Some((scheme, host)) = origin.split_once("://") else {
            return false;
        };
        scheme == self.scheme() && self.is_own(host)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::AllowedHosts;

    #[test]
    fn a_host_is_own_by_address_and_name() {
        let hosts = AllowedHosts::default()
            .listening_on("127.0.0.1:7007".parse().unwrap())
            .allow("Cla.Example.com");
        for host in [
            "127.0.0.1:7007",
            "localhost:7007",
            "LOCALHOST:7007",
            "cla.example.com",
            "cla.example.com:80",
        ] {
            assert!(hosts.is_own(host), "{host}");
        }
        for host in [
            "",
            "localhost",
            "localhost:7008",
            "evil.example:7007",
            "127.0.0.1:7007.evil.example",
        ] {
            assert!(!hosts.is_own(host), "{host}");
        }
        assert!(hosts.is_own_origin("http://localhost:7007"));
        for origin in [
            "null",
            "https://localhost:7007",
            "http://evil.example",
            "http://localhost:7007/x",
        ] {
            assert!(!hosts.is_own_origin(origin), "{origin}");
        }
        assert_eq!(hosts.address(), "http://127.0.0.1:7007");
    }
}
