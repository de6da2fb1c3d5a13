//! Why there is no answer, in the words of who has to do something about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use cla_runtime::permissions::PermissionDenied;
use reqwest::Url;
use rustls::CertificateError;

/// How much of a URL a message shows, in characters.
const MAX_SHOWN: usize = 200;

/// An exchange that failed, and where.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Where it failed, if that is not where the rule sent its request: a redirect led there.
    at: Option<Url>,
    pub(crate) kind: Kind,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("no whole answer within {0:?}; the option timeout can allow more")]
    Timeout(Duration),
    #[error("cannot find the host {host}: {problem}")]
    Dns { host: String, problem: String },
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("no secure connection: {0}")]
    Tls(String),
    #[error("{}; the option redirects can allow up to {}", too_many(*.0), super::options::MOST_REDIRECTS)]
    TooManyRedirects(usize),
    #[error("redirected to what is no http or https URL")]
    BadRedirect,
    #[error("the body is larger than {}; the option maxBody can allow more", size(*.0))]
    TooLarge(usize),
    #[error("the body does not fit the memory that the run has left ({})", size(*.0))]
    NoMemory(usize),
    #[error("the body is no JSON: {problem} (status {status}, {content})")]
    NotJson {
        problem: String,
        status: u16,
        content: String,
    },
    #[error(transparent)]
    Denied(PermissionDenied),
    #[error("{0}")]
    Other(String),
}

impl Kind {
    /// What a rule finds in the error's `code`.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Dns { .. } => "dns",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::TooManyRedirects(_) | Self::BadRedirect => "redirect",
            Self::TooLarge(_) | Self::NoMemory(_) => "body_too_large",
            Self::NotJson { .. } => "json",
            Self::Denied(_) => "denied",
            Self::Other(_) => "other",
        }
    }
}

impl From<Kind> for Failure {
    fn from(kind: Kind) -> Self {
        Self { at: None, kind }
    }
}

impl Failure {
    /// What went wrong in the HTTP client; it was to follow so many redirects.
    pub(crate) fn of_client(error: &reqwest::Error, redirects: usize) -> Self {
        let innermost = innermost(error);
        let kind = if let Some(denied) = find::<PermissionDenied>(error) {
            Kind::Denied(denied.clone())
        } else if let Some(problem) = find::<rustls::Error>(error) {
            Kind::Tls(tls_problem(problem))
        } else if error.is_dns() {
            let host = error.url().and_then(Url::host_str).unwrap_or_default();
            Kind::Dns {
                host: host.to_owned(),
                problem: innermost,
            }
        } else if error.is_redirect() {
            Kind::TooManyRedirects(redirects)
        } else if error.is_builder() {
            // All that a request is made of was looked at before, except for where redirects lead.
            Kind::BadRedirect
        } else {
            let problem = match find::<io::Error>(error) {
                // The kinds have plainer words than the operating system.
                Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
                _ => innermost,
            };
            if error.is_connect() {
                Kind::Connect(problem)
            } else {
                Kind::Other(problem)
            }
        };
        Self {
            at: error.url().cloned(),
            kind,
        }
    }

    /// The same, with the URL of the request if no other is known.
    pub(crate) fn of(mut self, url: &Url) -> Self {
        self.at.get_or_insert_with(|| url.clone());
        self
    }

    /// Where it failed, without user and password.
    pub(crate) fn url(&self) -> String {
        self.at.as_ref().map(shown).unwrap_or_default()
    }
}

/// A URL as others may see it: without user and password.
pub(crate) fn shown(url: &Url) -> String {
    if url.username().is_empty() && url.password().is_none() {
        return url.to_string();
    }
    let mut url = url.clone();
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// What of a URL fits a message.
pub(crate) fn cut(url: &str) -> String {
    match url.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &url[..end]),
        None => url.to_owned(),
    }
}

/// The first error of a kind among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error stands for what it wraps, which is not among its causes.
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The message of the last cause, which says most.
fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn tls_problem(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    let problem = match problem {
        CertificateError::UnknownIssuer => {
            "was issued by nobody whom this machine trusts; if you do, add the issuer to the system's \
             certificates, or name a file that has it in SSL_CERT_FILE"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet"
        }
        CertificateError::Revoked => "was revoked",
        other => return format!("the server's certificate is not valid: {other}"),
    };
    format!("the server's certificate {problem}")
}

fn too_many(redirects: usize) -> impl fmt::Display {
    let s = if redirects == 1 { "" } else { "s" };
    format!("more than {redirects} redirect{s}")
}

/// A number of bytes, for people.
fn size(bytes: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    match bytes {
        MIB.. if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        MIB.. => format!("{:.1} MiB", bytes as f64 / MIB as f64),
        KIB.. if bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        1 => "1 byte".to_owned(),
        _ => format!("{bytes} bytes"),
    }
}
