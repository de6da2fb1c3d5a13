//! The module `cla/digest`: what a text or bytes hash to.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::{self, Ctx, IntoJs, Object, Value};
use hmac::{Hmac, KeyInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::base64::bytes_value;
use crate::call::{Arg, define};
use crate::state::State;
use crate::throw::{bytes_argument, quote, string_argument, type_error, wrong};

/// So many bytes are hashed between two questions whether the run may go on.
const PIECE: usize = 256 << 10;

/// The module.
pub(crate) struct Hashes;

impl NativeModule for Hashes {
    fn name(&self) -> &str {
        "cla/digest"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        for algorithm in Algorithm::ALL {
            define(
                &exports,
                algorithm.name(),
                move |ctx: Ctx<'js>, data: Arg<'js>, encoding: Arg<'js>| {
                    let function = format!("digest.{}", algorithm.name());
                    let data = bytes_argument(&ctx, &format!("{function}: data"), &data)?;
                    let hash = algorithm.hash(&ctx, &data)?;
                    encoded(&ctx, &function, &hash, &encoding)
                },
            )?;
        }
        define(&exports, "hmac", hmac)?;
        define(&exports, "equal", equal)?;
        Ok(exports)
    }
}

#[derive(Clone, Copy)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 5] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hash(self, ctx: &Ctx<'_>, data: &[u8]) -> js::Result<Vec<u8>> {
        match self {
            Self::Md5 => hash::<Md5>(ctx, data),
            Self::Sha1 => hash::<Sha1>(ctx, data),
            Self::Sha256 => hash::<Sha256>(ctx, data),
            Self::Sha384 => hash::<Sha384>(ctx, data),
            Self::Sha512 => hash::<Sha512>(ctx, data),
        }
    }
}

fn hash<D: Digest>(ctx: &Ctx<'_>, data: &[u8]) -> js::Result<Vec<u8>> {
    let mut hash = D::new();
    pieces(ctx, data, |piece| hash.update(piece))?;
    Ok(hash.finalize().to_vec())
}

/// Goes through the data, and lets other runs go first in between.
fn pieces(ctx: &Ctx<'_>, data: &[u8], mut take: impl FnMut(&[u8])) -> js::Result<()> {
    let state = State::of(ctx)?;
    for piece in data.chunks(PIECE) {
        take(piece);
        if piece.len() == PIECE {
            state.pause(ctx)?;
        }
    }
    Ok(())
}

fn hmac<'js>(
    ctx: Ctx<'js>,
    algorithm: Arg<'js>,
    key: Arg<'js>,
    data: Arg<'js>,
    encoding: Arg<'js>,
) -> js::Result<Value<'js>> {
    const WHAT: &str = "digest.hmac";
    let name = string_argument(&ctx, "digest.hmac: algorithm", &algorithm)?;
    let key = bytes_argument(&ctx, "digest.hmac: key", &key)?;
    let data = bytes_argument(&ctx, "digest.hmac: data", &data)?;
    /// Defines the code for one algorithm: their types have no trait in common that would do.
    macro_rules! sign {
        ($hash:ty) => {{
            use hmac::Mac;
            let mac = <Hmac<$hash> as KeyInit>::new_from_slice(&key);
            let mut mac =
                mac.map_err(|problem| type_error(&ctx, format_args!("{WHAT}: {problem}")))?;
            pieces(&ctx, &data, |piece| mac.update(piece))?;
            mac.finalize().into_bytes().to_vec()
        }};
    }
    let signed = match name.as_str() {
        "md5" => sign!(Md5),
        "sha1" => sign!(Sha1),
        "sha256" => sign!(Sha256),
        "sha384" => sign!(Sha384),
        "sha512" => sign!(Sha512),
        _ => {
            let message = format!(
                "{WHAT}: there is no algorithm {}; there are md5, sha1, sha256, sha384, sha512",
                quote(&name)
            );
            return Err(type_error(&ctx, message));
        }
    };
    encoded(&ctx, WHAT, &signed, &encoding)
}

/// Whether two texts or bytes are the same, in a time that does not tell where they differ.
fn equal<'js>(ctx: Ctx<'js>, a: Arg<'js>, b: Arg<'js>) -> js::Result<bool> {
    let a = bytes_argument(&ctx, "digest.equal: a", &a)?;
    let b = bytes_argument(&ctx, "digest.equal: b", &b)?;
    let mut difference = u8::from(a.len() != b.len());
    for (a, b) in a.iter().zip(&b) {
        difference |= std::hint::black_box(a ^ b);
    }
    Ok(difference == 0)
}

fn encoded<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    hash: &[u8],
    encoding: &Arg<'js>,
) -> js::Result<Value<'js>> {
    let what = format!("{function}: encoding");
    let name = match encoding.given() {
        None => "hex".to_owned(),
        Some(name) => string_argument(ctx, &what, name)?,
    };
    match name.as_str() {
        "hex" => {
            let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            hex.into_js(ctx)
        }
        "base64" => STANDARD.encode(hash).into_js(ctx),
        "bytes" => bytes_value(ctx, hash),
        _ => Err(wrong(
            ctx,
            &what,
            "\"hex\", \"base64\" or \"bytes\"",
            encoding,
        )),
    }
}
