//! The names by which clients reach the service: [`AllowedHosts`].
//!
//! A page of a stranger can make a browser ask any address, also `127.0.0.1`, under a name of the stranger's (DNS
//! rebinding). The browser then says that name, and is refused.

use std::net::SocketAddr;

/// How clients reach the service.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    address: Option<SocketAddr>,
    names: Vec<Name>,
    tls: bool,
}

/// One way to reach it.
#[derive(Clone, Debug)]
struct Name {
    /// In lower case, with the port if it is not the scheme's own.
    host: String,
    /// `https` or `http`; as the service itself speaks, if absent.
    scheme: Option<&'static str>,
}

impl AllowedHosts {
    pub(crate) fn listening_on(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        let port = address.port();
        if address.ip().is_unspecified() {
            // Reached by the names that are allowed besides, and from this machine.
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                self.add(format!("{name}:{port}"), None);
            }
        } else {
            self.add(address.to_string(), None);
            if address.ip().is_loopback() {
                self.add(format!("localhost:{port}"), None);
            }
        }
        self
    }

    /// Allows a host name. With `https://` in front, a proxy speaks TLS for the service.
    pub(crate) fn allow(mut self, name: &str) -> Self {
        let name = name.trim().trim_end_matches('/').to_ascii_lowercase();
        let (scheme, host) = match name.split_once("://") {
            Some(("https", host)) => (Some("https"), host),
            Some(("http", host)) => (Some("http"), host),
            _ => (None, name.as_str()),
        };
        self.add(host.to_owned(), scheme);
        self
    }

    fn add(&mut self, host: String, scheme: Option<&'static str>) {
        self.names.push(Name { host, scheme });
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
        let own = self.scheme();
        match (self.address, self.names.first()) {
            (Some(address), _) if !address.ip().is_unspecified() => format!("{own}://{address}"),
            (Some(address), _) => format!("{own}://localhost:{}", address.port()),
            (None, Some(name)) => format!("{}://{}", name.scheme.unwrap_or(own), name.host),
            (None, None) => format!("{own}://localhost"),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The names that a host goes by, each with its scheme.
    fn named(&self, host: &str) -> impl Iterator<Item = &'static str> {
        let host = host.to_ascii_lowercase();
        self.names.iter().filter_map(move |name| {
            let scheme = name.scheme.unwrap_or(self.scheme());
            let port = if scheme == "https" { ":443" } else { ":80" };
            let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_owned();
            (bare(&name.host) == bare(&host)).then_some(scheme)
        })
    }

    /// Whether a `Host` header names this service.
    pub(crate) fn is_own(&self, host: &str) -> bool {
        self.named(host).next().is_some()
    }

    /// Whether clients that name this host speak TLS.
    pub(crate) fn is_secure(&self, host: &str) -> bool {
        self.named(host).any(|scheme| scheme == "https")
    }

    /// Whether an `Origin` header names this service.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        let Some((scheme, host)) = origin.split_once("://") else {
            return false;
        };
        self.named(host).any(|known| known == scheme)
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

    #[test]
    fn a_proxy_may_speak_tls_for_it() {
        let hosts = AllowedHosts::default()
            .listening_on("127.0.0.1:7007".parse().unwrap())
            .allow("https://cla.example.com");
        assert!(hosts.is_own("cla.example.com") && hosts.is_own("cla.example.com:443"));
        assert!(hosts.is_secure("cla.example.com") && !hosts.is_secure("localhost:7007"));
        assert!(hosts.is_own_origin("https://cla.example.com"));
        assert!(!hosts.is_own_origin("http://cla.example.com"));
        assert!(hosts.is_own_origin("http://127.0.0.1:7007"));
    }
}
