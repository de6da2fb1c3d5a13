//! Semaphores on their way to somewhere else: [`SerializedSemaphore`].

use std::time::Duration;

use serde::de::{DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::KeyError;
use super::semaphore::Semaphore;
use super::{Provider, Settings};
use crate::request::{Ttl, TtlError};
use crate::slot::SlotId;
use crate::slots::Slots;

/// A [`Semaphore`] as plain data: all but the store that it is in (README: *Semaphores as objects*).
///
/// It is what a [`Semaphore`] serializes as, here and in rules:
/// `{"version":"1","key":"resource","slotId":"...","limit":2,"ttlInMs":300000}`, where `limit` may be `"unlimited"` and
/// `ttlInMs`, in milliseconds, `null`. The key is without the provider's namespace. A message that carries semaphores
/// has a field of this type, and its reader asks a [`Provider`] to [revive](Provider::revive) it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{Provider, Semaphore, SerializedSemaphore, Settings};
///
/// #[derive(serde::Serialize)]
/// struct Sent {
///     order: u32,
///     semaphore: Semaphore,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Received {
///     order: u32,
///     semaphore: SerializedSemaphore,
/// }
///
/// let provider = Provider::new(Semaphores::memory());
/// let (network, server) = std::sync::mpsc::channel();
///
/// // We are sending the semaphore over the network to another server ...
/// let semaphore = provider.create("resource", Settings::new().limit(2))?;
/// semaphore.acquire_or_fail().await?;
/// network.send(serde_json::to_string(&Sent { order: 4711, semaphore })?)?;
///
/// // ... which uses it as its own.
/// let received: Received = serde_json::from_str(&server.recv()?)?;
/// let semaphore = provider.revive(received.semaphore)?;
/// println!("SEMAPHORE of order {}: {semaphore:?}", received.order);
/// semaphore.release_or_fail().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SerializedSemaphore {
    version: Version,
    /// Its key, without a namespace.
    pub key: String,
    /// Its slot id.
    pub slot_id: SlotId,
    /// How many slots it should have.
    pub limit: Slots,
    /// Its TTL.
    #[serde(rename = "ttlInMs", with = "millis")]
    pub ttl: Option<Ttl>,
}

/// Of the form above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "1")]
    One,
}

impl From<&Semaphore> for SerializedSemaphore {
    fn from(semaphore: &Semaphore) -> Self {
        Self {
            version: Version::One,
            key: semaphore.key().to_owned(),
            slot_id: semaphore.id().clone(),
            limit: semaphore.limit(),
            ttl: semaphore.ttl(),
        }
    }
}

/// See [`SerializedSemaphore`].
impl Serialize for Semaphore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SerializedSemaphore::from(self).serialize(serializer)
    }
}

impl Provider {
    /// The semaphore that was serialized, in this provider's store and namespace: what the one holds, the other can
    /// release and refresh (README: *Semaphores as objects*).
    ///
    /// As a [`DeserializeSeed`], a `&Provider` does both steps at once.
    ///
    /// # Errors
    /// [`KeyError`] as from [`Provider::create`].
    ///
    /// ```
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    /// use serde::de::DeserializeSeed;
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// let serialized = serde_json::to_string(&semaphore)?;
    /// let deserialized = provider.revive(serde_json::from_str(&serialized)?)?;
    /// assert_eq!(deserialized.id(), semaphore.id());
    ///
    /// let at_once = (&provider).deserialize(&mut serde_json::Deserializer::from_str(&serialized))?;
    /// assert_eq!(at_once.id(), semaphore.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// With a Redis server, from one machine to another:
    ///
    /// ```no_run
    /// # #[cfg(feature = "redis")]
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::connect("redis://YOUR_REDIS_SERVER")?);
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    /// semaphore.acquire_or_fail().await?;
    /// let serialized = serde_json::to_string(&semaphore)?;
    ///
    /// // On the other machine, while the first still runs:
    /// let provider = Provider::new(Semaphores::connect("redis://YOUR_REDIS_SERVER")?);
    /// let deserialized = provider.revive(serde_json::from_str(&serialized)?)?;
    /// deserialized.release_or_fail().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revive(&self, serialized: SerializedSemaphore) -> Result<Semaphore, KeyError> {
        let SerializedSemaphore {
            version: Version::One,
            key,
            slot_id,
            limit,
            ttl,
        } = serialized;
        self.create(key, Settings::new().limit(limit).ttl(ttl).slot_id(slot_id))
    }
}

/// See [`Provider::revive`].
impl<'de> DeserializeSeed<'de> for &Provider {
    type Value = Semaphore;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Semaphore, D::Error> {
        let serialized = SerializedSemaphore::deserialize(deserializer)?;
        self.revive(serialized).map_err(D::Error::custom)
    }
}

/// A TTL as a number of milliseconds, a whole one where it is.
mod millis {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, Ttl, TtlError};
    use serde::de::Error as _;

    const NANOS: u128 = 1_000_000;
    /// From here on, not every whole number is an `f64`.
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

    pub(super) fn serialize<S: Serializer>(
        ttl: &Option<Ttl>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match ttl.map(Ttl::duration) {
            None => serializer.serialize_none(),
            // A TTL is at most 2^64 nanoseconds.
            Some(ttl) if ttl.as_nanos().is_multiple_of(NANOS) => {
                (ttl.as_millis() as u64).serialize(serializer)
            }
            Some(ttl) => (ttl.as_nanos() as f64 / NANOS as f64).serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Ttl>, D::Error> {
        let millis = Option::<f64>::deserialize(deserializer)?;
        millis.map(ttl).transpose().map_err(D::Error::custom)
    }

    fn ttl(millis: f64) -> Result<Ttl, TtlError> {
        if millis.is_nan() || millis <= 0.0 {
            // Says that it is too short.
            return Ttl::new(Duration::ZERO);
        }
        Ttl::new(if millis < EXACT && millis.fract() == 0.0 {
            Duration::from_millis(millis as u64)
        } else {
            Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::MAX)
        })
    }
}
