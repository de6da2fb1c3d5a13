//! Shows the URL of a store without its secrets, whatever is wrong with it.

/// Parameters with one of these in their names hold a secret.
const SECRETIVE: [&str; 6] = ["pass", "pwd", "auth", "secret", "token", "cred"];

/// The text, with each password in it replaced by `***`.
///
/// What is in front of the last `@` may have one, also if it is not percent-encoded as it should be, or the scheme is
/// missing. A user is shown only if it is certain that it is one.
pub(crate) fn without_secrets(url: &str) -> String {
    if url.trim_start().starts_with("sqlite:") {
        return url.to_owned();
    }
    let begin = begin_of_authority(url);
    let (scheme, rest) = url.split_at(begin);
    let (user_info, rest) = split_user_info(rest);
    let mut shown = scheme.to_owned();
    if let Some(user_info) = user_info {
        match user_info.split_once(':') {
            Some((user, password)) if !password.is_empty() => {
                shown.push_str(user);
                shown.push_str(":***@");
            }
            _ => shown.push_str("***@"),
        }
    }
    let Some((path, query)) = rest.split_once('?') else {
        return shown + rest;
    };
    shown.push_str(path);
    for (index, pair) in query.split('&').enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key, value)) if is_secretive(key) && !value.is_empty() => {
                shown.push_str(key);
                shown.push_str("=***");
            }
            _ => shown.push_str(pair),
        }
    }
    shown
}

/// What [`without_secrets`] leaves out.
#[cfg(feature = "redis")]
pub(crate) fn secrets(url: &str) -> impl Iterator<Item = &str> {
    let shown = without_secrets(url);
    let mut rest = url;
    let mut found = Vec::new();
    for (index, part) in shown.split("***").enumerate() {
        let at = rest.find(part).unwrap_or(rest.len());
        if index > 0 {
            // The last part is at the end, also if it is empty.
            let at = if part.is_empty() { rest.len() } else { at };
            found.push(&rest[..at]);
        }
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    found.into_iter().filter(|secret| !secret.is_empty())
}

/// Where the part with the user and the hosts begins.
fn begin_of_authority(url: &str) -> usize {
    if let Some(place) = url.find("://") {
        return place + 3;
    }
    // The slashes were forgotten; but a user may look as a scheme does.
    let scheme = url.find(':').filter(|&colon| {
        let word = url[..colon].trim_start();
        ["redis", "valkey", "unix"]
            .iter()
            .any(|known| word.starts_with(known))
    });
    scheme.map_or(0, |colon| {
        let rest = &url[colon + 1..];
        colon + 1 + (rest.len() - rest.trim_start_matches('/').len())
    })
}

/// What is in front of the last `@`, unless that is part of a parameter.
pub(crate) fn split_user_info(rest: &str) -> (Option<&str>, &str) {
    let query = rest.find('?');
    let is_parameter =
        |at: usize| query.is_some_and(|query| query < at && rest[query..at].contains('='));
    match rest.rfind('@') {
        Some(at) if !is_parameter(at) => (Some(&rest[..at]), &rest[at + 1..]),
        Some(_) => {
            let query = query.unwrap_or(rest.len());
            match rest[..query].rfind('@') {
                Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
                None => (None, rest),
            }
        }
        None => (None, rest),
    }
}

fn is_secretive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRETIVE.iter().any(|part| key.contains(part))
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[cfg(feature = "redis")]
    #[test]
    fn what_is_left_out_is_known() {
        for (url, secrets) in [
            ("redis://me:s3cret@h:6379/1", &["s3cret"][..]),
            ("redis://me:s%33cret@h?x=1", &["s%33cret"]),
            (
                "redis-sentinel://a:one@h/s?sentinel_password=two",
                &["one", "two"],
            ),
            ("redis://h", &[]),
        ] {
            let found: Vec<&str> = super::secrets(url).collect();
            assert_eq!(found, secrets, "{url}");
        }
    }

    #[test]
    fn no_secret_is_shown_whatever_is_wrong_with_the_url() {
        for (url, shown) in [
            ("redis://me:s3cret@h:6379/1", "redis://me:***@h:6379/1"),
            ("redis://:s3cret@h", "redis://:***@h"),
            ("redis://s3cret:@h", "redis://***@h"),
            ("redis://s3cret@h", "redis://***@h"),
            ("redis://me:s3/cret@h", "redis://me:***@h"),
            ("redis://me:s3?cret@h", "redis://me:***@h"),
            ("redis://me:s3#cret@h", "redis://me:***@h"),
            ("redis://me:s3@cret@h", "redis://me:***@h"),
            ("redis:me:s3cret@h", "redis:me:***@h"),
            ("redis:/me:s3cret@h", "redis:/me:***@h"),
            ("radis://me:s3cret@h", "radis://me:***@h"),
            ("me:s3cret@host:6379", "me:***@host:6379"),
            ("redis://a:1,me:s3cret@h", "redis://a:***@h"),
            ("redis://h/0?password=s3cret", "redis://h/0?password=***"),
            (
                "redis://h?lease=5s&AUTH=s3cret&prefix=p",
                "redis://h?lease=5s&AUTH=***&prefix=p",
            ),
            (
                "rediss://me:s3cret@h?ca=/x@y/ca.pem",
                "rediss://me:***@h?ca=/x@y/ca.pem",
            ),
            ("rediss://h?ca=/x@y/ca.pem", "rediss://h?ca=/x@y/ca.pem"),
            ("redis://[::1]:7000/", "redis://[::1]:7000/"),
            ("sqlite:/home/me:x@work/a.db", "sqlite:/home/me:x@work/a.db"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown, "{url}");
        }
    }
}
