//! Tokens: who may ask this service, and for what. Administrators list, make and revoke them.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use cla_runtime::semaphore::{is_unprintable, printable};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Length};
use super::openapi::LengthJson;
use super::problem::Problem;
use crate::auth::{KnownToken, Person, Role, TokenError, TokenStore};
use crate::runs::ServiceAction;
use crate::service::Service;
use cla_runtime::semaphore::Glob;

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The pattern of the semaphores that it sees; `null` for all.
    pub(crate) semaphores: Option<String>,
    /// In seconds since the Unix epoch.
    pub(crate) created_at: f64,
    /// When it is void; `null` for never.
    pub(crate) expires_at: Option<f64>,
    /// When it was last used, exact to a minute; `null` for never.
    pub(crate) last_used_at: Option<f64>,
    /// The address from which it was used then, if it is known.
    pub(crate) last_used_from: Option<String>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewToken {
    /// Its text, which is shown this once.
    token: String,
    id: String,
    name: String,
    role: Role,
    semaphores: Option<String>,
    expires_at: Option<f64>,
}

/// Which token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateToken {
    /// What people call it: 1 to 64 characters. Changes are recorded under this name.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    role: Role,
    /// A pattern of names, in which `*` stands for any characters: the semaphores that it sees and steers, if not all.
    #[schema(min_length = 1, max_length = 255)]
    semaphores: Option<String>,
    /// How long it is valid, if not for ever.
    #[schema(value_type = Option<LengthJson>)]
    expires: Option<Length>,
}

impl From<KnownToken> for TokenView {
    fn from(KnownToken { token, last_use }: KnownToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            role: token.role,
            semaphores: token.semaphores.as_ref().map(Glob::to_string),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: last_use.map(|used| used.at),
            last_used_from: last_use
                .and_then(|used| used.from)
                .map(|from| from.to_string()),
        }
    }
}

/// `GET /api/v1/tokens`.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
) -> Result<Json<Vec<TokenView>>, Problem> {
    all(&service).await.map(Json)
}

/// All tokens, in the order in which they were made.
pub(crate) async fn all(service: &Arc<Service>) -> Result<Vec<TokenView>, Problem> {
    store(service)?;
    let asking = Arc::clone(service);
    let known = blocking(move || asking.auth.tokens()).await?;
    Ok(known.into_iter().map(TokenView::from).collect())
}

/// `POST /api/v1/tokens`: makes one. The answer has its text, which is kept nowhere.
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Body<CreateToken>,
) -> Result<Json<NewToken>, Problem> {
    let store = store(&service)?.clone();
    let Body(wanted) = wanted;
    let name = name(&wanted.name)?;
    let pattern = wanted.semaphores.as_deref().map(str::parse::<Glob>);
    let pattern = pattern.transpose();
    let pattern = pattern.map_err(|error| Problem::invalid(format!("`semaphores`: {error}")))?;
    let (role, lifetime) = (wanted.role, wanted.expires.map(|Length(length)| length));
    if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
        return Err(Problem::invalid("`expires` is more than nothing"));
    }
    let (token, text) = blocking(move || store.create(&name, role, pattern, lifetime)).await?;
    let detail = format!("{} ({}, {})", token.id, token.role, printable(&token.name));
    let noted = service.note(&person, ServiceAction::TokenCreated, &detail);
    if let Err(problem) = noted.await {
        // The client never gets the text of this token, so it must not stay valid.
        revoke_by_id(&service, token.id).await?;
        return Err(problem);
    }
    Ok(Json(NewToken {
        token: text,
        id: token.id,
        name: token.name,
        role: token.role,
        semaphores: token.semaphores.as_ref().map(Glob::to_string),
        expires_at: token.expires_at,
    }))
}

/// `DELETE /api/v1/tokens/ID`: makes one void, and the sessions of the browsers that signed in with it.
pub(crate) async fn revoke(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    store(&service)?;
    let Path(id) = id?;
    let token = revoke_by_id(&service, id).await?;
    service
        .note(&person, ServiceAction::TokenRevoked, &token)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The detail for the audit.
async fn revoke_by_id(service: &Arc<Service>, id: String) -> Result<String, Problem> {
    let asking = Arc::clone(service);
    let token = blocking(move || asking.auth.revoke(&id)).await?;
    let name = printable(&token.name);
    Ok(format!("{} ({}, {name})", token.id, token.role))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TokenError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Problem::no_tokens(error.to_string()))?;
    done.map_err(Problem::from)
}

fn store(service: &Service) -> Result<&TokenStore, Problem> {
    let store = service.auth.store();
    store.ok_or_else(|| Problem::no_tokens("this service keeps no tokens".to_owned()))
}

/// Reads a name for people.
fn name(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let is_fitting = !text.is_empty() && text.chars().count() <= LONGEST_NAME;
    if !is_fitting || text.contains(is_unprintable) {
        return Err(Problem::invalid(
            "a token's name has 1 to 64 characters, all of which can be seen",
        ));
    }
    Ok(text.to_owned())
}

impl Problem {
    fn no_tokens(detail: String) -> Self {
        let status = StatusCode::NOT_FOUND;
        Self::new(status, "no-tokens", "There are no tokens here", detail)
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match &error {
            TokenError::Unknown { .. } => {
                let status = StatusCode::NOT_FOUND;
                let detail = "there is no such token, or not any more; /api/v1/tokens lists them";
                Self::new(status, "unknown-token", "No such token", detail)
            }
            _ => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                let title = "The tokens cannot be used";
                Self::new(status, "tokens-failed", title, error.to_string())
            }
        }
    }
}
