//! Patterns of semaphore names: [`Glob`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A pattern of names: `*` stands for any characters, also none, and `?` for one. All others stand for themselves.
///
/// ```
/// use cla_semaphore::Glob;
///
/// let shop: Glob = "shop-*".parse()?;
/// assert!(shop.matches("shop-db") && !shop.matches("prod-db"));
/// # Ok::<(), cla_semaphore::GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob(String);

/// Why a text is no [`Glob`].
///
/// ```
/// use cla_semaphore::{Glob, GlobError};
///
/// assert_eq!("".parse::<Glob>(), Err(GlobError));
/// assert!("shop-*".parse::<Glob>()?.matches("shop-db"));
/// # Ok::<(), GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern of names has 1 to {max} bytes", max = Glob::MAX_BYTES)]
pub struct GlobError;

impl Glob {
    /// The longest pattern, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 255;

    /// Whether the whole name is as the pattern says.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) =
            (self.0.chars().collect(), name.chars().collect());
        let (mut p, mut n) = (0, 0);
        // Where the last `*` is, and up to where of the name it reaches.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some('?') => (p, n) = (p + 1, n + 1),
                Some(c) if *c == name[n] => (p, n) = (p + 1, n + 1),
                _ => match &mut star {
                    // The last `*` takes one more; earlier ones never need to.
                    Some((at, reach)) => {
                        *reach += 1;
                        (p, n) = (*at + 1, *reach);
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(GlobError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Glob {
    type Error = GlobError;

    fn try_from(text: String) -> Result<Self, GlobError> {
        text.parse()
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.0
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::Glob;

    #[test]
    fn a_pattern_matches_whole_names() {
        for (pattern, yes, no) in [
            ("db", &["db"][..], &["db1", "xdb", ""][..]),
            ("*", &["", "db", "a*b"], &[]),
            ("shop-*", &["shop-", "shop-db"], &["shop", "xshop-db"]),
            ("*-db", &["-db", "a-db-db"], &["a-db-"]),
            ("a*b*c", &["abc", "axbxbc", "abcbc"], &["ab", "acb"]),
            ("d?", &["db", "d語"], &["d", "dbb"]),
        ] {
            let glob: Glob = pattern.parse().unwrap();
            for name in yes {
                assert!(glob.matches(name), "{pattern} {name}");
            }
            for name in no {
                assert!(!glob.matches(name), "{pattern} {name}");
            }
        }
        assert!("".parse::<Glob>().is_err());
        assert!("x".repeat(256).parse::<Glob>().is_err());
    }
}
