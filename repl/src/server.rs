//! `--server`: a `cla serve` instead of a store. `cla sem` then speaks to its HTTP interface, and knows nothing of that:
//! [`RemoteStore`] is a store like any other.

mod client;
mod events;
mod lease;
mod remote;

use std::path::PathBuf;

use reqwest::Url;

pub(crate) use self::client::{Client, Refusal};
pub(crate) use self::remote::RemoteStore;

/// The variable that has a token.
const TOKEN_VARIABLE: &str = "CLA_TOKEN";

/// How every token begins. `cla sem exec` gives its command a fencing token, a number, in a variable of the same name.
const TOKEN_PREFIX: &str = "cla_";

/// No file with a token is longer.
const LONGEST_TOKEN: u64 = 4096;

/// `--server` and what belongs to it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Speak to the `cla serve` at this URL, such as `https://cla.example.com`, instead of to a store
    #[arg(long, value_name = "URL", global = true, value_parser = server)]
    server: Option<Url>,
    /// The token for --server: see `cla token create`. Other users of this machine can see it; prefer --token-file or CLA_TOKEN
    #[arg(long, value_name = "TOKEN", global = true)]
    token: Option<String>,
    /// A file with the token for --server; else the variable CLA_TOKEN has it
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
}

fn server(text: &str) -> Result<Url, String> {
    let example = "write it as http://127.0.0.1:7007 or https://cla.example.com";
    let url: Url = text
        .parse()
        .map_err(|error| format!("{error}; {example}"))?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        return Err(example.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("give the token with --token-file or CLA_TOKEN, not in the URL".to_owned());
    }
    Ok(url)
}

impl ServerArgs {
    /// The server, if one is named.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub(crate) fn connect(&self) -> Result<Option<Client>, String> {
        let Some(url) = &self.server else {
            if self.token.is_some() || self.token_file.is_some() {
                return Err("a token is for a server: give --server, too".to_owned());
            }
            return Ok(None);
        };
        let token = self.token()?;
        if token.is_some() && url.scheme() == "http" && !is_this_machine(url) {
            crate::exit::warn(&format_args!(
                "the token travels to {url} unprotected: use https"
            ));
        }
        Client::new(url.clone(), token.as_deref()).map(Some)
    }

    fn token(&self) -> Result<Option<String>, String> {
        if self.token.is_some() && self.token_file.is_some() {
            return Err("give --token or --token-file, not both".to_owned());
        }
        if let Some(token) = &self.token {
            return Ok(Some(token.trim().to_owned()));
        }
        if let Some(file) = &self.token_file {
            let read = || {
                if std::fs::metadata(file)?.len() > LONGEST_TOKEN {
                    return Err(std::io::Error::other("it is too long for a token"));
                }
                std::fs::read_to_string(file)
            };
            let text =
                read().map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            return Ok(Some(text.trim().to_owned()));
        }
        let variable = std::env::var(TOKEN_VARIABLE).ok();
        Ok(variable.filter(|token| token.starts_with(TOKEN_PREFIX)))
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_http_url_without_a_password() {
        for text in ["http://127.0.0.1:7007", "https://cla.example.com/"] {
            assert!(server(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "127.0.0.1:7007",
            "redis://x",
            "https://me:secret@x",
            "http://x/?a=b",
        ] {
            assert!(server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_reached_without_a_wire() {
        for (url, own) in [
            ("http://localhost:1", true),
            ("http://127.0.0.9", true),
            ("http://[::1]:7007", true),
            ("http://127.0.0.1.evil.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(&server(url).unwrap()), own, "{url}");
        }
    }
}
