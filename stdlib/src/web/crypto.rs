//! What `crypto.js` needs of Rust: ring does the work, and keys stay here.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::rc::Rc;

use cla_runtime::internal::{HostObject, MemoryReservation, fill_view, view_bytes};
use cla_runtime::js::function::Opt;
use cla_runtime::js::{self, ArrayBuffer, Ctx, Function, Object, Value};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};

use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::throw::{error, type_error};

use super::bodies::byte_natives;
use super::part::Part;

/// The most random bytes that can be had at once, as the standard has it.
const MOST_RANDOM: usize = 65_536;

/// How many bytes are worked on between two questions whether the run may go on.
const PIECE: usize = 1024 * 1024;

/// The algorithms, by the names that the standard gives them.
const ALGORITHMS: [&str; 6] = ["SHA-1", "SHA-256", "SHA-384", "SHA-512", "HMAC", "AES-GCM"];

/// Digests, signatures and sealed data.
pub(super) static CRYPTO: Part = Part::new("cla:web/crypto", include_str!("crypto.js"), natives);

/// Adds what `crypto.js` is given.
fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    byte_natives(ctx, natives)?;
    define("canonical", Function::new(ctx.clone(), canonical))?;
    define("fillRandom", Function::new(ctx.clone(), fill_random))?;
    define("uuid", Function::new(ctx.clone(), uuid))?;
    define("digest", Function::new(ctx.clone(), digest_of))?;
    define("newKey", Function::new(ctx.clone(), new_key))?;
    define("randomKey", Function::new(ctx.clone(), random_key))?;
    define("keyBytes", Function::new(ctx.clone(), key_bytes))?;
    define("hmac", Function::new(ctx.clone(), hmac_of))?;
    define("isHmac", Function::new(ctx.clone(), is_hmac))?;
    define("seal", Function::new(ctx.clone(), seal))?;
    define("open", Function::new(ctx.clone(), open))
}

/// `canonical(name)`: the name as the standard has it; `undefined` for an unknown one.
fn canonical(name: String) -> Option<&'static str> {
    ALGORITHMS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&name))
}

fn random<'js>(ctx: &Ctx<'js>, bytes: &mut [u8]) -> js::Result<()> {
    let filled = SystemRandom::new().fill(bytes);
    filled.map_err(|_| error(ctx, "the system gives no random numbers"))
}

/// `fillRandom(view)`: what is wrong with the view, if anything is.
fn fill_random<'js>(ctx: Ctx<'js>, view: Value<'js>) -> js::Result<Option<&'static str>> {
    let intrinsics = State::of(&ctx)?.intrinsics(&ctx)?;
    let class: Value<'js> = intrinsics.on(Intrinsic::TypedArrayName, &view)?;
    let class = class.as_string().map(|name| name.to_string()).transpose()?;
    if class.is_none_or(|class| class.starts_with("Float")) {
        return Ok(Some("type"));
    }
    let size = view_bytes(&view)?.map_or(0, |bytes| bytes.len());
    if size > MOST_RANDOM {
        return Ok(Some("size"));
    }
    let mut bytes = vec![0; size];
    random(&ctx, &mut bytes)?;
    fill_view(&view, &bytes)?;
    Ok(None)
}

/// `uuid()`.
fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn digest_algorithm(name: &str) -> &'static digest::Algorithm {
    match name {
        "SHA-1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-384" => &digest::SHA384,
        "SHA-512" => &digest::SHA512,
        _ => &digest::SHA256,
    }
}

fn hmac_algorithm(name: &str) -> hmac::Algorithm {
    match name {
        "SHA-1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-384" => hmac::HMAC_SHA384,
        "SHA-512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    }
}

fn bytes(value: &Value<'_>) -> js::Result<Vec<u8>> {
    Ok(view_bytes(value)?.unwrap_or_default())
}

/// `digest(algorithm, bytes)`.
fn digest_of<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    data: Value<'js>,
) -> js::Result<ArrayBuffer<'js>> {
    let state = State::of(&ctx)?;
    let mut digest = digest::Context::new(digest_algorithm(&algorithm));
    for piece in bytes(&data)?.chunks(PIECE) {
        digest.update(piece);
        state.pause(&ctx)?;
    }
    ArrayBuffer::new_copy(ctx, digest.finish().as_ref())
}

/// A key, of which a rule sees nothing.
struct Key {
    bytes: Vec<u8>,
    _counted: MemoryReservation,
}

impl Key {
    fn create<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>) -> js::Result<Value<'js>> {
        let _counted = State::of(ctx)?.run().count_memory(bytes.len());
        HostObject::create(Rc::new(Self { bytes, _counted }), Object::new(ctx.clone())?)
    }

    fn of(ctx: &Ctx<'_>, value: &Value<'_>) -> js::Result<Rc<Self>> {
        HostObject::<Rc<Self>>::with(value, Rc::clone)
            .ok_or_else(|| type_error(ctx, "this is not a key"))
    }

    fn aead(&self, ctx: &Ctx<'_>) -> js::Result<LessSafeKey> {
        let algorithm = match self.bytes.len() {
            16 => &AES_128_GCM,
            _ => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, &self.bytes);
        key.map(LessSafeKey::new)
            .map_err(|_| error(ctx, "the key does not fit AES-GCM"))
    }
}

/// `newKey(bytes)`.
pub(crate) fn new_key<'js>(ctx: Ctx<'js>, data: Value<'js>) -> js::Result<Value<'js>> {
    Key::create(&ctx, bytes(&data)?)
}

/// `randomKey(size)`.
fn random_key(ctx: Ctx<'_>, size: usize) -> js::Result<Value<'_>> {
    let mut bytes = vec![0; size.min(MOST_RANDOM)];
    random(&ctx, &mut bytes)?;
    Key::create(&ctx, bytes)
}

/// `keyBytes(key)`.
fn key_bytes<'js>(ctx: Ctx<'js>, key: Value<'js>) -> js::Result<ArrayBuffer<'js>> {
    let key = Key::of(&ctx, &key)?;
    ArrayBuffer::new_copy(ctx, &key.bytes)
}

fn signed<'js>(
    ctx: &Ctx<'js>,
    hash: &str,
    key: &Value<'js>,
    data: &Value<'js>,
) -> js::Result<hmac::Tag> {
    let state = State::of(ctx)?;
    let key = Key::of(ctx, key)?;
    let key = hmac::Key::new(hmac_algorithm(hash), &key.bytes);
    let mut signing = hmac::Context::with_key(&key);
    for piece in bytes(data)?.chunks(PIECE) {
        signing.update(piece);
        state.pause(ctx)?;
    }
    Ok(signing.sign())
}

/// `hmac(hash, key, data)`.
fn hmac_of<'js>(
    ctx: Ctx<'js>,
    hash: String,
    key: Value<'js>,
    data: Value<'js>,
) -> js::Result<ArrayBuffer<'js>> {
    let tag = signed(&ctx, &hash, &key, &data)?;
    ArrayBuffer::new_copy(ctx, tag.as_ref())
}

/// `isHmac(hash, key, signature, data)`, in a time that does not depend on how much of the signature is right.
fn is_hmac<'js>(
    ctx: Ctx<'js>,
    hash: String,
    key: Value<'js>,
    signature: Value<'js>,
    data: Value<'js>,
) -> js::Result<bool> {
    let tag = signed(&ctx, &hash, &key, &data)?;
    let given = bytes(&signature)?;
    let same = given.len() == tag.as_ref().len()
        && given
            .iter()
            .zip(tag.as_ref())
            .fold(0, |all, (one, other)| all | (one ^ other))
            == 0;
    Ok(same)
}

fn nonce(ctx: &Ctx<'_>, iv: &Value<'_>) -> js::Result<Nonce> {
    let iv: Result<[u8; NONCE_LEN], _> = bytes(iv)?.try_into();
    iv.map(Nonce::assume_unique_for_key)
        .map_err(|_| type_error(ctx, "the iv of AES-GCM must have 12 bytes"))
}

fn additional(more: Opt<Value<'_>>) -> js::Result<Vec<u8>> {
    match more.0 {
        Some(more) => bytes(&more),
        None => Ok(Vec::new()),
    }
}

/// `seal(key, iv, data, more)`: the encrypted data, with its tag behind.
pub(crate) fn seal<'js>(
    ctx: Ctx<'js>,
    key: Value<'js>,
    iv: Value<'js>,
    data: Value<'js>,
    more: Opt<Value<'js>>,
) -> js::Result<ArrayBuffer<'js>> {
    let key = Key::of(&ctx, &key)?.aead(&ctx)?;
    let mut data = bytes(&data)?;
    drop(
        State::of(&ctx)?
            .run()
            .reserve(&ctx, "the bytes", 2 * data.len())?,
    );
    let more = Aad::from(additional(more)?);
    let tag = key.seal_in_place_separate_tag(nonce(&ctx, &iv)?, more, &mut data);
    let Ok(tag) = tag else {
        return Err(error(&ctx, "AES-GCM: the data is too long"));
    };
    data.extend_from_slice(tag.as_ref());
    ArrayBuffer::new_copy(ctx, &data)
}

/// `open(key, iv, data, more)`: `undefined` if it is not what was sealed.
pub(crate) fn open<'js>(
    ctx: Ctx<'js>,
    key: Value<'js>,
    iv: Value<'js>,
    data: Value<'js>,
    more: Opt<Value<'js>>,
) -> js::Result<Option<ArrayBuffer<'js>>> {
    let key = Key::of(&ctx, &key)?.aead(&ctx)?;
    let mut data = bytes(&data)?;
    drop(
        State::of(&ctx)?
            .run()
            .reserve(&ctx, "the bytes", 2 * data.len())?,
    );
    let more = Aad::from(additional(more)?);
    match key.open_in_place(nonce(&ctx, &iv)?, more, &mut data) {
        Ok(opened) => ArrayBuffer::new_copy(ctx, opened).map(Some),
        Err(_) => Ok(None),
    }
}
