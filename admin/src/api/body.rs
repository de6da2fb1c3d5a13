//! Bodies of requests, and what stands in them: [`Body`], [`Length`].

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request};
use cla_runtime::duration;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use tokio::time::timeout;

use super::problem::Problem;

/// How long to wait for a body.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A body of JSON. One that is empty is an object without anything in it.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        let is_empty = headers.get(axum::http::header::CONTENT_TYPE).is_none()
            && !headers.contains_key(axum::http::header::TRANSFER_ENCODING)
            && headers
                .get(axum::http::header::CONTENT_LENGTH)
                .is_none_or(|length| length == "0");
        if is_empty {
            let empty = serde_json::Value::Object(serde_json::Map::new());
            return serde_json::from_value(empty)
                .map(Self)
                .map_err(|error| Problem::invalid(error.to_string()));
        }
        let read = timeout(PATIENCE, Json::from_request(request, state)).await;
        let Json(body) = read.map_err(|_| Problem::slow_body())??;
        Ok(Self(body))
    }
}

/// A length of time: a number of seconds, or a text such as `"250ms"` or `"1h30m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

/// In seconds. The description of the interface uses it for optional lengths of time.
impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Seconds(f64),
            Text(String),
        }
        let given = Given::deserialize(deserializer).map_err(|_| {
            de::Error::custom("a length of time is a number of seconds or a text such as \"30s\"")
        })?;
        let length = match given {
            Given::Seconds(seconds) => duration::from_seconds(seconds),
            Given::Text(text) => duration::parse(&text),
        };
        let length = length.map_err(|must| format!("a length of time must {must}"));
        length.map(Self).map_err(de::Error::custom)
    }
}
