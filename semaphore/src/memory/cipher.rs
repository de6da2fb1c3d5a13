//! How the memory store names requests: an id is an address, made unreadable by a [`Cipher`].

use std::hash::{BuildHasher, Hasher, RandomState};

use uuid::Uuid;

use crate::id::RequestId;
use crate::queue::Ticket;

/// Where a request of the memory store lives: which entry, and which ticket of its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) entry: u32,
    pub(crate) ticket: Ticket,
}

/// Turns a request's address into its id and back.
///
/// A lookup table from id to request would have to be shared by all semaphores and touched by every
/// `take`. Instead the id *is* the address, shuffled by a keyed bijection (three rounds of an
/// unbalanced Feistel network over the 122 free bits of a UUID), so making one costs a few
/// nanoseconds, looking one up costs no memory, and consecutive ids share no prefix. The shuffle is no
/// secret: it hides nothing, it spreads.
#[derive(Debug)]
pub(crate) struct Cipher {
    keys: [u64; 3],
}

/// 60 bits of the upper half of a UUID are free (4 say the version), 62 of the lower (2: variant).
const UPPER: u64 = (1 << 60) - 1;
const LOWER: u64 = (1 << 62) - 1;
/// Of a ticket's index, this many bits fit beside the entry's 32; the rest rides with the sequence.
const INDEX_BITS: u32 = 28;
/// A sequence number takes 58 bits: nine thousand years at a million requests a second.
const SEQUENCE_BITS: u32 = 58;

impl Cipher {
    pub(crate) fn random() -> Self {
        // std's own source of randomness: fresh keys per `RandomState`.
        let word = || RandomState::new().build_hasher().finish();
        Self {
            keys: [word(), word(), word()],
        }
    }

    pub(crate) fn id(&self, address: Address) -> RequestId {
        let Address { entry, ticket } = address;
        RequestId::from_u128(
            self.seal(entry, ticket.index(), ticket.sequence())
                .as_u128(),
        )
    }

    /// The address that `id` stands for, if this store can have made it.
    pub(crate) fn address(&self, id: RequestId) -> Option<Address> {
        let bits = id.as_u128();
        let (upper, lower) = ((bits >> 64) as u64, bits as u64);
        let mut a = (upper >> 16) << 12 | (upper & 0xfff);
        let mut b = lower & LOWER;
        a ^= mix(b, self.keys[2]) & UPPER;
        b ^= mix(a, self.keys[1]) & LOWER;
        a ^= mix(b, self.keys[0]) & UPPER;
        let index = (a & ((1 << INDEX_BITS) - 1)) | (b >> SEQUENCE_BITS) << INDEX_BITS;
        let address = Address {
            entry: u32::try_from(a >> INDEX_BITS).ok()?,
            ticket: Ticket::new(u32::try_from(index).ok()?, b & ((1 << SEQUENCE_BITS) - 1)),
        };
        (self.id(address) == id).then_some(address)
    }

    fn seal(&self, entry: u32, index: u32, sequence: u64) -> Uuid {
        let index = u64::from(index);
        let mut a = u64::from(entry) << INDEX_BITS | index & ((1 << INDEX_BITS) - 1);
        let mut b = ((index >> INDEX_BITS) << SEQUENCE_BITS | sequence) & LOWER;
        a ^= mix(b, self.keys[0]) & UPPER;
        b ^= mix(a, self.keys[1]) & LOWER;
        a ^= mix(b, self.keys[2]) & UPPER;
        // Leave a gap for the version (8) and the variant, which `new_v8` fills in.
        let upper = (a >> 12) << 16 | (a & 0xfff);
        let bits = u128::from(upper) << 64 | u128::from(b);
        Uuid::new_v8(bits.to_be_bytes())
    }
}

/// A hash of one word under a key; need not be invertible, only well spread.
fn mix(word: u64, key: u64) -> u64 {
    let word = (word ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    word ^ (word >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn an_id_leads_back_to_the_request_it_was_made_for(
            entry: u32, index: u32, sequence in 0..1_u64 << SEQUENCE_BITS,
        ) {
            let cipher = Cipher::random();
            let address = Address { entry, ticket: Ticket::new(index, sequence) };
            let id = cipher.id(address);
            prop_assert_eq!(cipher.address(id), Some(address));
            let uuid = Uuid::from_u128(id.as_u128());
            prop_assert_eq!(uuid.get_version_num(), 8);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
            prop_assert_eq!(id.to_string().parse::<RequestId>(), Ok(id));
        }
    }

    #[test]
    fn ids_made_one_after_the_other_differ_in_their_first_digits() {
        let cipher = Cipher::random();
        let prefixes: HashSet<String> = (0..32)
            .map(|sequence| {
                let ticket = Ticket::new(0, sequence);
                cipher.id(Address { entry: 0, ticket }).to_string()[..6].to_owned()
            })
            .collect();
        // 32 of 16.7 million: one clash is a chance of 1 in 34,000, two are as good as impossible.
        assert!(prefixes.len() >= 31, "{prefixes:?}");
    }

    #[test]
    fn an_id_of_another_making_has_no_address() {
        let cipher = Cipher::random();
        assert_eq!(cipher.address(RequestId::from_u128(0)), None);
    }
}
