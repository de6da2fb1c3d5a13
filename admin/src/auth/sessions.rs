//! Browsers that have signed in: one-time invitations, and the sessions that cookies name. In memory; a restart ends them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;

use super::random::{self, Digest, digest};
use super::{Person, Role};
use crate::server::hosts::AllowedHosts;

/// An invitation that was not used for this long is void.
const INVITATION: Duration = Duration::from_secs(24 * 60 * 60);

/// A session that was not used for this long is over.
const IDLE: Duration = Duration::from_secs(12 * 60 * 60);

/// The longest session.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest session of a person whom another server knows: what that server says of the person may change.
const SHORT: Duration = Duration::from_secs(12 * 60 * 60);

/// More sessions than people have browsers; beyond, the one that was used least lately is over.
const MOST: usize = 1000;

/// Who has signed in.
pub(crate) struct Sessions {
    cookie: String,
    secure: bool,
    invitations: Mutex<Vec<(Digest, Instant)>>,
    sessions: Mutex<HashMap<Digest, Session>>,
}

struct Session {
    person: Person,
    /// The id of the token that signed in: the session ends with it.
    token: Option<String>,
    began: Instant,
    longest: Duration,
    used: Instant,
}

impl Sessions {
    pub(crate) fn new(hosts: &AllowedHosts) -> Self {
        let secure = hosts.is_over_tls();
        // Cookies are shared by the ports of a host, and two servers are not to sign each other's browsers out.
        let suffix = hosts.port().map(|port| format!("-{port}"));
        let prefix = if secure { "__Host-" } else { "" };
        Self {
            cookie: format!("{prefix}cla-session{}", suffix.unwrap_or_default()),
            secure,
            invitations: Mutex::default(),
            sessions: Mutex::default(),
        }
    }

    /// A token that signs in once.
    pub(crate) fn invite(&self) -> String {
        let token = random::secret();
        let mut invitations = self.invitations.lock();
        invitations.retain(|(_, made)| made.elapsed() < INVITATION);
        invitations.push((digest(&token), Instant::now()));
        token
    }

    /// Takes an invitation, so that it works once.
    pub(crate) fn accept(&self, token: &str) -> Option<Person> {
        let token = digest(token);
        let mut invitations = self.invitations.lock();
        invitations.retain(|(_, made)| made.elapsed() < INVITATION);
        let at = invitations
            .iter()
            .position(|(invitation, _)| invitation.ct_eq(&token).into())?;
        invitations.remove(at);
        Some(Person::new("link", Role::Admin))
    }

    /// Begins a session, and gives the `Set-Cookie` header that hands it to the browser.
    /// `secure` says that the browser speaks TLS.
    pub(crate) fn begin(&self, person: Person, token: Option<String>, secure: bool) -> String {
        self.begin_for(LONGEST, person, token, secure)
    }

    /// Begins a session of a person whom another server knows.
    pub(crate) fn begin_short(&self, person: Person, secure: bool) -> String {
        self.begin_for(SHORT, person, None, secure)
    }

    fn begin_for(
        &self,
        longest: Duration,
        person: Person,
        token: Option<String>,
        secure: bool,
    ) -> String {
        let secret = random::secret();
        let now = Instant::now();
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, session| session.is_live());
        if sessions.len() >= MOST
            && let Some(oldest) = sessions
                .iter()
                .min_by_key(|(_, session)| session.used)
                .map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        let session = Session {
            person: person.by_cookie(),
            token,
            began: now,
            longest,
            used: now,
        };
        sessions.insert(digest(&secret), session);
        self.header(&secret, longest, secure)
    }

    /// Ends the session that these cookies name, and gives the header that makes the browser forget it.
    pub(crate) fn end(&self, cookies: &str) -> String {
        if let Some(session) = self.cookie(cookies) {
            self.sessions.lock().remove(&digest(session));
        }
        self.header("", Duration::ZERO, false)
    }

    /// The secret of a session in a `Cookie` header.
    pub(crate) fn cookie<'c>(&self, cookies: &'c str) -> Option<&'c str> {
        let mut pairs = cookies.split(';').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.trim() == self.cookie)?;
        Some(value.trim())
    }

    /// Who has begun the session with this secret, and with which token.
    pub(crate) fn find(&self, secret: &str) -> Option<(Person, Option<String>)> {
        let key = digest(secret);
        let mut sessions = self.sessions.lock();
        let session = sessions.get_mut(&key)?;
        if !session.is_live() {
            sessions.remove(&key);
            return None;
        }
        session.used = Instant::now();
        Some((session.person.clone(), session.token.clone()))
    }

    fn header(&self, secret: &str, age: Duration, secure: bool) -> String {
        let secure = if self.secure || secure {
            "; Secure"
        } else {
            ""
        };
        format!(
            "{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
            self.cookie,
            age.as_secs()
        )
    }
}

impl Session {
    fn is_live(&self) -> bool {
        self.used.elapsed() < IDLE && self.began.elapsed() < self.longest
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn an_invitation_signs_in_once() {
        let sessions = Sessions::new(&AllowedHosts::default());
        let token = sessions.invite();
        assert!(sessions.accept("wrong").is_none());
        let person = sessions.accept(&token).unwrap();
        assert_eq!(person.role(), Role::Admin);
        assert!(sessions.accept(&token).is_none(), "it is used up");

        let header = sessions.begin(person, None, false);
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(header.contains(part), "{header}");
        }
        let cookie = header.split(';').next().unwrap();
        let cookies = format!("other=1; {cookie}");
        let secret = sessions.cookie(&cookies).unwrap();
        assert!(sessions.find(secret).unwrap().0.is_by_cookie());
        sessions.end(&cookies);
        assert!(sessions.find(secret).is_none(), "it is over");
    }
}
