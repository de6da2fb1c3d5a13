//! Styles and scripts, embedded in the program.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::api::problem::Problem;

/// A file.
struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Embeds a file of `assets/`.
macro_rules! file {
    ($kind:expr, $name:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("assets/", $name)),
        }
    };
}

/// All files: add one here, and in `assets/`.
const ASSETS: &[Asset] = &[
    file!(SVG, "icon.svg"),
    file!(CSS, "panel.css"),
    file!(SCRIPT, "actions.js"),
    file!(SCRIPT, "ask.js"),
    file!(SCRIPT, "audit.js"),
    file!(SCRIPT, "drag.js"),
    file!(SCRIPT, "explorer.js"),
    file!(SCRIPT, "inputs.js"),
    file!(SCRIPT, "keys.js"),
    file!(SCRIPT, "live.js"),
    file!(SCRIPT, "login.js"),
    file!(SCRIPT, "morph.js"),
    file!(SCRIPT, "panel.js"),
    file!(SCRIPT, "queue.js"),
    file!(SCRIPT, "repl.js"),
    file!(SCRIPT, "rows.js"),
    file!(SCRIPT, "runs.js"),
    file!(SCRIPT, "times.js"),
    file!(SCRIPT, "tokens.js"),
];

/// Where a file is. The version makes browsers fetch it anew after an update.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{name}?v={}", env!("CARGO_PKG_VERSION"))
}

/// `GET /assets/NAME`.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let found = found.ok_or_else(Problem::no_route)?;
    // Browsers ask for them at each page: they are small, and a rebuilt program may have the same version.
    let headers = [(CONTENT_TYPE, found.kind), (CACHE_CONTROL, "no-cache")];
    Ok((headers, found.bytes).into_response())
}
