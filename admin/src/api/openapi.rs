//! `/openapi.json`: the interface for programs, described for programs (OpenAPI).
//!
//! Methods, paths and roles come from the table of routes; a test sees that each route of `/api` is described here.

mod schema;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Paths, Ref, RefOr, Required,
    ResponseBuilder, Schema,
};
use utoipa::{IntoParams, ToSchema};

pub(crate) use self::schema::{
    IdJson, LengthJson, NameJson, PlaceJson, Problem, Semaphore, SlotsChangeJson, SlotsJson,
    Status, WaitJson,
};
use super::{actions, events, leases, records, requests, runs, semaphores, tokens};
use crate::auth::Access;
use crate::runs as rooms;
use crate::server::route::Route;
use crate::service::Service;

/// What an operation answers when it is carried out.
enum Answer {
    /// Nothing: 204.
    Nothing,
    One(RefOr<Schema>),
    Many(RefOr<Schema>),
    /// A text of this kind.
    Text(&'static str),
}

/// One operation, without what the table of routes says of it.
struct Described {
    tag: &'static str,
    summary: &'static str,
    query: Vec<Parameter>,
    /// With whether there must be one.
    body: Option<(RefOr<Schema>, Required)>,
    answer: Answer,
    /// Further answers, with another status than 200.
    also: Vec<(&'static str, &'static str)>,
}

/// The schemas that operations name.
#[derive(Default)]
struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// Refers to the schema of a type, which is described with all that it refers to itself.
    fn of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut nested = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut nested);
        self.0.extend(nested);
        RefOr::Ref(Ref::from_schema_name(T::name()))
    }
}

fn query<T: IntoParams>() -> Vec<Parameter> {
    T::into_params(|| Some(ParameterIn::Query))
}

fn described(tag: &'static str, summary: &'static str, answer: Answer) -> Described {
    Described {
        tag,
        summary,
        query: Vec::new(),
        body: None,
        answer,
        also: Vec::new(),
    }
}

impl Described {
    fn query(mut self, query: Vec<Parameter>) -> Self {
        self.query = query;
        self
    }

    fn body(mut self, body: RefOr<Schema>) -> Self {
        self.body = Some((body, Required::True));
        self
    }

    /// A body that may be absent.
    fn maybe(mut self, body: RefOr<Schema>) -> Self {
        self.body = Some((body, Required::False));
        self
    }

    fn also(mut self, status: &'static str, what: &'static str) -> Self {
        self.also.push((status, what));
        self
    }
}

/// The operation of a route; `None` for pages, which are for people.
fn describe(route: &Route, all: &mut Schemas) -> Option<Described> {
    use Answer::{Many, Nothing, One, Text};
    let is_get = route.method == Method::GET;
    let hit = |all: &mut Schemas| One(all.of::<actions::Hit>());
    Some(match route.path {
        "/healthz" => described(
            "service",
            "Whether the service answers",
            Text("application/json"),
        ),
        "/readyz" => described(
            "service",
            "Whether the store answers, too",
            Text("application/json"),
        )
        .also(
            "503",
            "The store does not answer, or the service is about to end",
        ),
        "/metrics" => described(
            "service",
            "Measurements, for Prometheus",
            Text("text/plain"),
        ),
        "/openapi.json" => described("service", "This description", Text("application/json")),
        "/api/v1/events" => described(
            "semaphores",
            "What happens, as it happens (Server-Sent Events)",
            Text("text/event-stream"),
        )
        .query(query::<events::Wanted>()),
        "/api/v1/semaphores" => described(
            "semaphores",
            "All semaphores",
            Many(all.of::<schema::Semaphore>()),
        )
        .query(query::<semaphores::Wanted>()),
        "/api/v1/semaphores/{name}" if is_get => described(
            "semaphores",
            "One semaphore",
            One(all.of::<schema::Semaphore>()),
        ),
        "/api/v1/semaphores/{name}" => {
            described("semaphores", "Forgets an idle semaphore", Nothing)
                .also("409", "It is in use")
        }
        "/api/v1/semaphores/{name}/slots" => described(
            "semaphores",
            "Sets how many may be busy at once, and pins that",
            One(all.of::<schema::Semaphore>()),
        )
        .body(all.of::<actions::NewSlots>()),
        "/api/v1/semaphores/{name}/pin" => described(
            "semaphores",
            "Pins the number of slots as it is",
            One(all.of::<schema::Semaphore>()),
        ),
        "/api/v1/semaphores/{name}/unpin" => described(
            "semaphores",
            "Lets the number of the code count again",
            One(all.of::<schema::Semaphore>()),
        ),
        "/api/v1/semaphores/{name}/lock" => described(
            "semaphores",
            "Sets no slots; cancels all that wait, if wanted",
            hit(all),
        )
        .maybe(all.of::<actions::Lock>()),
        "/api/v1/semaphores/{name}/purge" => described(
            "semaphores",
            "Frees every slot, and lets everybody in",
            hit(all),
        ),
        "/api/v1/semaphores/{name}/force-release" => described(
            "semaphores",
            "Frees every slot; the line goes on in order",
            hit(all),
        ),
        "/api/v1/semaphores/{name}/acquire" => described(
            "leases",
            "Waits for a slot, and gives a lease of it",
            One(all.of::<leases::Given>()),
        )
        .maybe(all.of::<leases::Wish>())
        .also(
            "409",
            "No slot became free in time, or the wait was cancelled, or could never have ended",
        ),
        "/api/v1/semaphores/{name}/refresh" => described(
            "leases",
            "Lets a lease live on",
            One(all.of::<leases::Refreshed>()),
        )
        .body(all.of::<leases::Refresh>())
        .also("410", "The lease was lost or released"),
        "/api/v1/semaphores/{name}/release" => {
            described("leases", "Gives the slot of a lease back", Nothing)
                .body(all.of::<leases::Release>())
                .also("410", "The lease was lost or released")
        }
        "/api/v1/semaphores/{name}/history" => described(
            "semaphores",
            "Requests of one semaphore that ended, the newest first",
            Many(all.of::<schema::Request>()),
        )
        .query(query::<records::WantedHistory>()),
        "/api/v1/audit" => described(
            "semaphores",
            "Who changed what, the newest first",
            Many(all.of::<schema::AuditEntry>()),
        )
        .query(query::<records::WantedAudit>()),
        "/api/v1/service-audit" => described(
            "service",
            "Who made and revoked tokens and ran code at the REPL, the newest first",
            Many(all.of::<rooms::ServiceAuditEntry>()),
        )
        .query(query::<records::WantedServiceAudit>()),
        "/api/v1/tokens" if is_get => described(
            "tokens",
            "The tokens, without their secrets",
            Many(all.of::<tokens::TokenView>()),
        ),
        "/api/v1/tokens" => described(
            "tokens",
            "Makes a token; its text is in this answer only",
            One(all.of::<tokens::NewToken>()),
        )
        .body(all.of::<tokens::CreateToken>()),
        "/api/v1/tokens/{id}" => described(
            "tokens",
            "Makes a token void, and signs its browsers out",
            Nothing,
        )
        .also("404", "There is no such token"),
        "/api/v1/requests" => described("requests", "All requests", Many(all.of::<schema::Row>()))
            .query(query::<requests::Wanted>()),
        "/api/v1/requests/{id}" => {
            described("requests", "One request", One(all.of::<schema::Row>()))
        }
        "/api/v1/requests/{id}/grant" => described(
            "requests",
            "Lets a waiting request through, outside the slots",
            One(all.of::<schema::Row>()),
        )
        .also("409", "It does not wait"),
        "/api/v1/requests/{id}/cancel" => described(
            "requests",
            "Makes a waiting request fail",
            One(all.of::<schema::Row>()),
        )
        .also("409", "It does not wait"),
        "/api/v1/requests/{id}/move" => described(
            "requests",
            "Changes the place of a waiting request",
            One(all.of::<schema::Row>()),
        )
        .body(all.of::<requests::Move>())
        .also("409", "It does not wait"),
        "/api/v1/requests/{id}/release" => described(
            "requests",
            "Gives the slot of a busy request to the next by force",
            One(all.of::<schema::Row>()),
        )
        .also("409", "It is not busy"),
        "/api/v1/actions" => described(
            "semaphores",
            "One action on several semaphores or requests",
            One(all.of::<actions::Outcomes>()),
        )
        .body(all.of::<actions::Action>()),
        "/api/v1/rules" => described(
            "runs",
            "The rules that can be run",
            Many(all.of::<rooms::RuleFile>()),
        ),
        "/api/v1/rules/inputs" => described(
            "runs",
            "What a rulebook is given when it is run",
            Many(all.of::<schema::Input>()),
        )
        .query(query::<runs::OfRule>())
        .also("422", "The rule cannot be read"),
        "/api/v1/runs" if is_get => described(
            "runs",
            "Runs, the newest first",
            Many(all.of::<rooms::Record>()),
        )
        .query(query::<runs::Wanted>()),
        "/api/v1/runs" => described("runs", "Runs a rule", One(all.of::<schema::Run>()))
            .body(all.of::<runs::Start>())
            .also("202", "The run goes on")
            .also("409", "The key was used before, for something else")
            .also(
                "422",
                "An input of the rulebook is missing or wrong: `input` names it",
            ),
        "/api/v1/runs/{id}" => described("runs", "One run", One(all.of::<schema::Run>())),
        "/api/v1/runs/{id}/output" => {
            described("runs", "What a run has said", One(all.of::<rooms::Lines>()))
                .query(query::<runs::WantedLines>())
        }
        "/api/v1/runs/{id}/stop" => described("runs", "Asks a run to stop", Nothing)
            .also("202", "It will stop")
            .also("409", "It has ended"),
        _ => return None,
    })
}

/// The description of all routes that are for programs.
fn openapi(version: &str, routes: &[Route]) -> OpenApi {
    let mut all = Schemas::default();
    let problem = all.of::<schema::Problem>();
    let mut paths = Paths::new();
    for route in routes {
        let Some(described) = describe(route, &mut all) else {
            continue;
        };
        let method = match route.method {
            Method::POST => HttpMethod::Post,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let operation = operation(route, described, &problem);
        let item = PathItem::new(method, operation);
        match paths.paths.get_mut(route.path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.paths.insert(route.path.to_owned(), item);
            }
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = all
        .0
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, schema)| {
            components.schema(name, schema)
        })
        .security_scheme("token", SecurityScheme::Http(bearer));
    let info = InfoBuilder::new()
        .title("cla serve")
        .version(version)
        .description(Some(
            "Semaphores seen and steered, leases for any language, runs of rules. Errors are problems (RFC 9457), whose \
             `type` is stable.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn operation(route: &Route, described: Described, problem: &RefOr<Schema>) -> OperationBuilder {
    let role = match route.access {
        Access::Public => None,
        Access::Role(role) | Access::Page(role) | Access::Whole(role) => Some(role),
    };
    let mut operation = OperationBuilder::new()
        .tag(described.tag)
        .summary(Some(described.summary))
        .operation_id(Some(operation_id(route)));
    if let Some(role) = role {
        operation = operation
            .description(Some(format!("Needs the role {role}.")))
            .security(SecurityRequirement::new("token", Vec::<String>::new()));
    }
    let beginning = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[0-9a-f]{4,8}$"));
    let token = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[0-9a-f]{12}$"));
    let id = match route.path {
        path if path.contains("/requests/") => beginning,
        path if path.contains("/tokens/") => token,
        _ => schema::id(),
    };
    for (name, text) in [("name", schema::name()), ("id", id)] {
        if route.path.contains(&format!("{{{name}}}")) {
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text));
            operation = operation.parameter(parameter);
        }
    }
    for parameter in described.query {
        operation = operation.parameter(parameter);
    }
    if let Some((body, required)) = described.body {
        let content = ContentBuilder::new().schema(Some(body)).build();
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(required));
        operation = operation.request_body(Some(body.build()));
    }
    let done = match described.answer {
        Answer::Nothing => None,
        Answer::One(schema) => Some(("application/json", schema)),
        Answer::Many(schema) => {
            let array = ArrayBuilder::new().items(schema).build();
            Some(("application/json", RefOr::T(Schema::Array(array))))
        }
        Answer::Text(kind) => {
            let text = ObjectBuilder::new().schema_type(match kind {
                "application/json" => Type::Object,
                _ => Type::String,
            });
            Some((kind, RefOr::T(Schema::Object(text.build()))))
        }
    };
    operation = match done {
        Some((kind, schema)) => {
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new()
                .description("Done")
                .content(kind, content);
            operation.response("200", response.build())
        }
        None => operation.response("204", ResponseBuilder::new().description("Done").build()),
    };
    for (status, what) in described.also {
        operation = operation.response(status, ResponseBuilder::new().description(what).build());
    }
    let content = ContentBuilder::new().schema(Some(problem.clone())).build();
    let response = ResponseBuilder::new()
        .description("Refused")
        .content("application/problem+json", content);
    operation.response("default", response.build())
}

/// A name that no other operation has: `post_semaphores_name_slots`.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1");
    let words = path.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.fold(route.method.as_str().to_ascii_lowercase(), |id, word| {
        format!("{id}_{word}")
    })
}

/// The description of these routes, as JSON.
pub(crate) fn value(version: &str, routes: &[Route]) -> serde_json::Value {
    serde_json::to_value(openapi(version, routes)).unwrap_or_default()
}

/// `GET /openapi.json`.
pub(crate) async fn show(State(service): State<Arc<Service>>) -> Response {
    Json(&*service.openapi).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use std::collections::BTreeSet;

    use cla_runtime::semaphore::{Actor, AuditQuery, SemaphoreName, Semaphores, Slots};
    use serde_json::Value;

    use super::*;
    use crate::declared::{Declaration, Declared};
    use crate::server::routes::table;

    #[test]
    fn each_route_for_programs_is_described_and_by_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for route in table() {
            let described = describe(&route, &mut Schemas::default());
            let is_page = matches!(route.path, "/" | "/logout" | "/docs" | "/assets/{name}")
                || route.path.starts_with("/login");
            let is_page = is_page
                || matches!(route.access, Access::Page(_))
                || route.path.starts_with("/panel/");
            assert_eq!(described.is_none(), is_page, "{}", route.path);
            if !is_page {
                assert!(names.insert(operation_id(&route)), "{}", route.path);
            }
        }
    }

    #[test]
    fn all_that_is_referred_to_is_there() {
        let text = serde_json::to_string(&openapi("1", &table())).unwrap();
        let api: Value = serde_json::from_str(&text).unwrap();
        let schemas = api["components"]["schemas"].as_object().unwrap();
        for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_semaphore_has_the_fields_that_are_described() {
        let semaphores = Semaphores::memory();
        let name = SemaphoreName::new("x").unwrap();
        let _permit = semaphores.semaphore(&name).acquire().await.unwrap();
        let view = semaphores.show(&name).await.unwrap().unwrap();
        // A declared semaphore has every field.
        let declared = Declared::new(vec![Declaration::new(name.clone(), "cla.toml")]);
        let view = serde_json::to_value(declared.seen(view)).unwrap();
        let api = serde_json::to_value(openapi("1", &table())).unwrap();
        let described = |schema: &str| -> BTreeSet<String> {
            let schema = &api["components"]["schemas"][schema];
            schema["properties"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect()
        };
        let fields = |value: &Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(described("Semaphore"), fields(&view));
        assert_eq!(described("Declared"), fields(&view["declared"]));
        assert_eq!(described("Request"), fields(&view["requests"][0]));
        let actor = Actor::new("me", "here", "api");
        let acting = semaphores.acting_as(actor);
        acting.set_slots(&name, Slots::ONE).await.unwrap();
        let audit = semaphores.audit(AuditQuery::new()).await.unwrap();
        let entry = serde_json::to_value(&audit[0]).unwrap();
        assert_eq!(described("AuditEntry"), fields(&entry));
        assert_eq!(described("AuditState"), fields(&entry["after"]));
        assert_eq!(described("Actor"), fields(&entry["actor"]));
    }
}
