//! What `crypto.js` needs of Rust: digests, signatures with a key, random bytes and derived keys.

use std::cell::RefCell;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{HostObject, view_bytes};
use cla_runtime::js::{self, Ctx, Function, Object, TypedArray, Value};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use ring::rand::{SecureRandom, SystemRandom};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

use crate::state::State;
use crate::throw::{error, type_error};
use crate::web::crypto as aead;

/// So many bytes are worked on between two questions whether the run may go on.
const PIECE: usize = 256 << 10;

/// So many rounds of a derived key are made between two questions.
const ROUNDS: usize = 1024;

/// Defines a type with a state of each algorithm, and its names.
macro_rules! algorithms {
    ($($variant:ident = $name:literal, $hash:ty;)*) => {
        /// The names, in the order in which errors list them.
        const NAMES: &[&str] = &[$($name),*];

        /// What was hashed so far.
        #[derive(Clone)]
        enum Sum {
            $($variant($hash),)*
        }

        /// What was signed so far.
        #[derive(Clone)]
        enum Signing {
            $($variant(Box<Hmac<$hash>>),)*
        }

        impl Sum {
            fn new(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant(<$hash>::new())),)*
                    _ => None,
                }
            }

            fn update(&mut self, bytes: &[u8]) {
                match self {
                    $(Self::$variant(sum) => Digest::update(sum, bytes),)*
                }
            }

            fn finish(self) -> Vec<u8> {
                match self {
                    $(Self::$variant(sum) => sum.finalize().to_vec(),)*
                }
            }
        }

        impl Signing {
            fn new(name: &str, key: &[u8]) -> Option<Self> {
                match name {
                    $($name => {
                        let signing = <Hmac<$hash> as KeyInit>::new_from_slice(key).ok()?;
                        Some(Self::$variant(Box::new(signing)))
                    })*
                    _ => None,
                }
            }

            fn update(&mut self, bytes: &[u8]) {
                match self {
                    $(Self::$variant(signing) => Mac::update(&mut **signing, bytes),)*
                }
            }

            fn finish(self) -> Vec<u8> {
                match self {
                    $(Self::$variant(signing) => signing.finalize().into_bytes().to_vec(),)*
                }
            }
        }
    };
}

algorithms! {
    Md5 = "md5", Md5;
    Sha1 = "sha1", Sha1;
    Sha224 = "sha224", Sha224;
    Sha256 = "sha256", Sha256;
    Sha384 = "sha384", Sha384;
    Sha512 = "sha512", Sha512;
    Sha512Of224 = "sha512-224", Sha512_224;
    Sha512Of256 = "sha512-256", Sha512_256;
}

/// One that goes on.
#[derive(Clone)]
enum Ongoing {
    Sum(Box<Sum>),
    Signing(Signing),
}

impl Ongoing {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sum(sum) => sum.update(bytes),
            Self::Signing(signing) => signing.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sum(sum) => sum.finish(),
            Self::Signing(signing) => signing.finish(),
        }
    }
}

type Shared = Rc<RefCell<Option<Ongoing>>>;

/// Adds what `crypto.js` is given.
pub(super) fn natives<'js>(
    ctx: &Ctx<'js>,
    _run: &Rc<Run>,
    natives: &Object<'js>,
) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    natives.set("algorithms", NAMES.to_vec())?;
    define("newHash", Function::new(ctx.clone(), new_hash))?;
    define("newHmac", Function::new(ctx.clone(), new_hmac))?;
    define("update", Function::new(ctx.clone(), update))?;
    define("finish", Function::new(ctx.clone(), finish))?;
    define("copy", Function::new(ctx.clone(), copy))?;
    define("random", Function::new(ctx.clone(), random))?;
    define("isEqual", Function::new(ctx.clone(), is_equal))?;
    define("pbkdf2", Function::new(ctx.clone(), pbkdf2))?;
    define("hkdf", Function::new(ctx.clone(), hkdf))?;
    define("newKey", Function::new(ctx.clone(), aead::new_key))?;
    define("seal", Function::new(ctx.clone(), aead::seal))?;
    define("open", Function::new(ctx.clone(), aead::open))
}

fn unknown(ctx: &Ctx<'_>) -> js::Error {
    type_error(ctx, "there is no such algorithm")
}

fn bytes(value: &Value<'_>) -> js::Result<Vec<u8>> {
    Ok(view_bytes(value)?.unwrap_or_default())
}

fn made<'js>(ctx: &Ctx<'js>, ongoing: Ongoing) -> js::Result<Value<'js>> {
    let shared: Shared = Rc::new(RefCell::new(Some(ongoing)));
    HostObject::create(shared, Object::new(ctx.clone())?)
}

/// `newHash(algorithm)`.
fn new_hash(ctx: Ctx<'_>, name: String) -> js::Result<Value<'_>> {
    let sum = Sum::new(&name).ok_or_else(|| unknown(&ctx))?;
    made(&ctx, Ongoing::Sum(Box::new(sum)))
}

/// `newHmac(algorithm, key)`.
fn new_hmac<'js>(ctx: Ctx<'js>, name: String, key: Value<'js>) -> js::Result<Value<'js>> {
    let signing = Signing::new(&name, &bytes(&key)?).ok_or_else(|| unknown(&ctx))?;
    made(&ctx, Ongoing::Signing(signing))
}

fn shared(ctx: &Ctx<'_>, value: &Value<'_>) -> js::Result<Shared> {
    HostObject::<Shared>::with(value, Rc::clone).ok_or_else(|| type_error(ctx, "this is no hash"))
}

/// Gives bytes in pieces, and lets other runs go first in between.
fn pieces(ctx: &Ctx<'_>, bytes: &[u8], mut take: impl FnMut(&[u8])) -> js::Result<()> {
    let state = State::of(ctx)?;
    for piece in bytes.chunks(PIECE) {
        take(piece);
        if piece.len() == PIECE {
            state.pause(ctx)?;
        }
    }
    Ok(())
}

/// `update(hash, bytes)`.
fn update<'js>(ctx: Ctx<'js>, hash: Value<'js>, data: Value<'js>) -> js::Result<()> {
    let hash = shared(&ctx, &hash)?;
    let data = bytes(&data)?;
    pieces(&ctx, &data, |piece| {
        if let Some(ongoing) = &mut *hash.borrow_mut() {
            ongoing.update(piece);
        }
    })
}

/// `finish(hash)`: the bytes.
fn finish<'js>(ctx: Ctx<'js>, hash: Value<'js>) -> js::Result<TypedArray<'js, u8>> {
    let ongoing = shared(&ctx, &hash)?.take();
    let bytes = ongoing.map(Ongoing::finish).unwrap_or_default();
    TypedArray::new_copy(ctx, bytes)
}

/// `copy(hash)`: another one, of the same bytes.
fn copy<'js>(ctx: Ctx<'js>, hash: Value<'js>) -> js::Result<Value<'js>> {
    let ongoing = shared(&ctx, &hash)?.borrow().clone();
    made(
        &ctx,
        ongoing.ok_or_else(|| type_error(&ctx, "the hash is finished"))?,
    )
}

/// `random(size)`.
fn random(ctx: Ctx<'_>, size: usize) -> js::Result<TypedArray<'_, u8>> {
    let state = State::of(&ctx)?;
    let _reserved = state.run().reserve(&ctx, "the bytes", 2 * size)?;
    let mut bytes = vec![0; size];
    let source = SystemRandom::new();
    for piece in bytes.chunks_mut(PIECE) {
        let filled = source.fill(piece);
        filled.map_err(|_| error(&ctx, "the system gives no random numbers"))?;
        state.pause(&ctx)?;
    }
    TypedArray::new_copy(ctx, bytes)
}

/// `isEqual(a, b)`, in a time that does not tell where they differ.
fn is_equal<'js>(a: Value<'js>, b: Value<'js>) -> js::Result<bool> {
    let (a, b) = (bytes(&a)?, bytes(&b)?);
    let mut difference = u8::from(a.len() != b.len());
    for (a, b) in a.iter().zip(&b) {
        difference |= std::hint::black_box(a ^ b);
    }
    Ok(difference == 0)
}

/// `pbkdf2(algorithm, password, salt, iterations, size)`: RFC 8018.
fn pbkdf2<'js>(
    ctx: Ctx<'js>,
    name: String,
    password: Value<'js>,
    salt: Value<'js>,
    iterations: usize,
    size: usize,
) -> js::Result<TypedArray<'js, u8>> {
    let state = State::of(&ctx)?;
    let _reserved = state.run().reserve(&ctx, "the key", 2 * size)?;
    let salt = bytes(&salt)?;
    let keyed = Signing::new(&name, &bytes(&password)?).ok_or_else(|| unknown(&ctx))?;
    let signed = |data: &[u8]| {
        let mut signing = keyed.clone();
        signing.update(data);
        signing.finish()
    };
    let mut key = Vec::with_capacity(size);
    let mut block: u32 = 0;
    while key.len() < size {
        block = block.wrapping_add(1);
        let mut last = signed(&[&salt[..], &block.to_be_bytes()].concat());
        let mut sum = last.clone();
        for round in 1..iterations {
            last = signed(&last);
            for (sum, byte) in sum.iter_mut().zip(&last) {
                *sum ^= byte;
            }
            if round % ROUNDS == 0 {
                state.pause(&ctx)?;
            }
        }
        state.pause(&ctx)?;
        sum.truncate(size - key.len());
        key.extend(sum);
    }
    TypedArray::new_copy(ctx, key)
}

/// `hkdf(algorithm, key, salt, info, size)`: RFC 5869; `undefined` if it is more than 255 digests.
fn hkdf<'js>(
    ctx: Ctx<'js>,
    name: String,
    key: Value<'js>,
    salt: Value<'js>,
    info: Value<'js>,
    size: usize,
) -> js::Result<Option<TypedArray<'js, u8>>> {
    let signed = |key: &[u8], parts: &[&[u8]]| {
        let mut signing = Signing::new(&name, key)?;
        parts.iter().for_each(|part| signing.update(part));
        Some(signing.finish())
    };
    let (key, salt, info) = (bytes(&key)?, bytes(&salt)?, bytes(&info)?);
    let extracted = signed(&salt, &[&key]).ok_or_else(|| unknown(&ctx))?;
    if size > 255 * extracted.len() {
        return Ok(None);
    }
    let (mut made, mut last) = (Vec::new(), Vec::new());
    for block in 1..=255_u8 {
        if made.len() >= size {
            break;
        }
        last = signed(&extracted, &[&last, &info, &[block]]).unwrap_or_default();
        made.extend_from_slice(&last);
    }
    made.truncate(size);
    TypedArray::new_copy(ctx, made).map(Some)
}
