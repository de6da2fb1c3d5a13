//! Secrets that cannot be guessed, and their digests.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Bytes of a secret: 256 bits, so that guessing is hopeless.
const SECRET: usize = 32;

/// A new secret, in hexadecimal digits.
///
/// # Panics
/// When the system has no random numbers: no secret of any kind could then be made.
pub(crate) fn secret() -> String {
    hexadecimal::<SECRET>()
}

/// A few random digits, to distinguish things. They are no secret.
pub(super) fn short() -> String {
    hexadecimal::<6>()
}

fn hexadecimal<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the system gives no random numbers: {error}");
    }
    digits(&bytes)
}

/// A text by which two texts can be compared without knowing them.
pub(crate) fn fingerprint(text: &str) -> String {
    digits(&digest(text))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is kept of a secret in memory. The time of a look-up may depend on the digest, but that helps no attacker: how much
/// of a digest is right reveals nothing of the secret.
pub(super) type Digest = [u8; 32];

/// The digest of a secret.
pub(super) fn digest(secret: &str) -> Digest {
    Sha256::digest(secret.as_bytes()).into()
}
