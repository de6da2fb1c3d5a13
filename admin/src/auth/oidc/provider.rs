//! What the service asks of the provider: its description and keys, and what a code stands for.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use axum::http;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::settings::OpenId;
use crate::auth::Person;
use crate::outgoing;

/// The time limit of one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// The provider's description and keys are asked for again after this: it may have new ones.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// The name of a person in the audit is cut off after so many characters.
const LONGEST_LOGIN: usize = 100;

/// All claims that the standard does not name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Claims(BTreeMap<String, Value>);

impl AdditionalClaims for Claims {}

type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// The library's client, for these claims and for what a provider's description says.
type OidcClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a person is not signed in. The text is for the log; a stranger sees less.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The provider does not answer, or not as it should.
    #[error("the provider: {0}")]
    Provider(String),
    /// The provider knows the person, but none of their groups has a role.
    #[error("{login} is in no group that has a role")]
    NoRole {
        /// The name.
        login: String,
    },
}

/// What came back is too long.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

/// Where a browser is sent, and what is kept meanwhile.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) state: CsrfToken,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
}

pub(crate) struct Provider {
    settings: OpenId,
    redirect: String,
    http: reqwest::Client,
    /// What the provider said of itself, and when.
    known: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

impl Provider {
    pub(crate) fn new(settings: OpenId, redirect: String) -> io::Result<Self> {
        Ok(Self {
            settings,
            redirect,
            http: outgoing::client()?,
            known: Mutex::default(),
        })
    }

    /// Begins a sign-in.
    pub(crate) async fn begin(&self) -> Result<Begun, Refused> {
        let client = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        Ok(Begun {
            url: url.to_string(),
            state,
            nonce,
            verifier,
        })
    }

    /// Who the code stands for.
    pub(crate) async fn finish(
        &self,
        code: String,
        nonce: &Nonce,
        verifier: PkceCodeVerifier,
    ) -> Result<Person, Refused> {
        let client = self.client().await?;
        let http = |request| fetch(self.http.clone(), request);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(wrong)?
            .set_pkce_verifier(verifier)
            .request_async(&http)
            .await
            .map_err(wrong)?;
        let token = answer
            .id_token()
            .ok_or_else(|| Refused::Provider("there is no ID token".to_owned()))?;
        let claims = match token.claims(&client.id_token_verifier(), nonce) {
            Ok(claims) => claims,
            Err(error) => {
                // It may sign with a new key: the next sign-in asks for the keys.
                *self.known.lock().await = None;
                return Err(wrong(error));
            }
        };
        let mut login = claims
            .preferred_username()
            .map(|name| name.as_str().to_owned());
        let mut extra = claims.additional_claims().clone();
        // Many providers say in the token only who it is, and the rest when they are asked.
        if self.settings.groups(&extra.0).is_none() || login.is_none() {
            let access = answer.access_token().clone();
            // A provider without this address puts everything into the token.
            if let Ok(request) = client.user_info(access, Some(claims.subject().clone())) {
                let info: UserInfoClaims<Claims, CoreGenderClaim> =
                    request.request_async(&http).await.map_err(wrong)?;
                login = login.or_else(|| {
                    info.preferred_username()
                        .map(|name| name.as_str().to_owned())
                });
                for (name, value) in &info.additional_claims().0 {
                    extra.0.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        let login = login.filter(|login| !login.is_empty());
        let login = login.unwrap_or_else(|| claims.subject().as_str().to_owned());
        let login: String = login.chars().take(LONGEST_LOGIN).collect();
        let groups = self.settings.groups(&extra.0).unwrap_or_default();
        match self.settings.role_of(&groups) {
            Some(role) => Ok(Person::new(login, role)),
            None => Err(Refused::NoRole { login }),
        }
    }

    async fn client(&self) -> Result<OidcClient, Refused> {
        let redirect = RedirectUrl::new(self.redirect.clone()).map_err(wrong)?;
        let secret = self.settings.secret.as_ref();
        let client = Client::from_provider_metadata(
            self.metadata().await?,
            ClientId::new(self.settings.client.clone()),
            secret.map(|secret| ClientSecret::new(secret.0.clone())),
        );
        Ok(client.set_redirect_uri(redirect))
    }

    async fn metadata(&self) -> Result<CoreProviderMetadata, Refused> {
        // Held while the provider is asked, so that many who sign in at once cause one question.
        let mut known = self.known.lock().await;
        if let Some((at, metadata)) = &*known
            && at.elapsed() < FRESH
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(wrong)?;
        let http = |request| fetch(self.http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(issuer, &http)
            .await
            .map_err(wrong)?;
        *known = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }
}

/// The error with its causes.
fn wrong(error: impl std::error::Error) -> Refused {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    Refused::Provider(text)
}

async fn fetch(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Failed> {
    let failed = |error| Failed(outgoing::reason(error));
    let (parts, body) = request.into_parts();
    let mut answer = client
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .timeout(PATIENCE)
        .body(body)
        .send()
        .await
        .map_err(failed)?;
    let mut response = http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Failed("the answer is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    response
        .body(bytes)
        .map_err(|error| Failed(error.to_string()))
}
