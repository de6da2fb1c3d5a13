//! The JSON shape that the API, the CLI and the panel keep.

mod common;

use cla_semaphore::{Owner, Request, RunId, SemaphoreView, SlotId, Slots};
use common::{Fixture, seconds, ttl};
use serde_json::json;

#[test]
fn a_semaphore_is_shown_with_all_its_fields_and_null_for_what_is_absent() {
    let stage = Fixture::new();
    let run = RunId::unique();
    let owner = Owner::new("deploy.js: restart")
        .with_run(run)
        .with_process("web1", 4711);
    stage.clock.advance(seconds(100));
    let slot = SlotId::new("deploy-1").unwrap();
    let request = Request::new().ttl(ttl(60)).owner(owner).slot(slot);
    let busy = stage.take_as(request);
    stage.clock.advance(seconds(5));
    let _waiting = stage.wait_as(Request::new().priority(3));
    stage.clock.advance(seconds(2));
    let waiting = stage.last_in_line();
    assert_eq!(
        serde_json::to_value(stage.view()).unwrap(),
        json!({
            "name": "x",
            "slots": 1,
            "pinned": false,
            "busy": 1,
            "waiting": 1,
            "requests": [
                {
                    "id": busy.id().to_string(),
                    "status": "busy",
                    "granted": false,
                    "who": "deploy.js: restart",
                    "run": run.to_string(),
                    "host": "web1",
                    "pid": 4711,
                    "place": null,
                    "priority": 0,
                    "slot": "deploy-1",
                    "token": 1,
                    "requested_at": 100.0,
                    "started_at": 100.0,
                    "expires_at": 160.0,
                    "waited": 0.0,
                    "ran": 7.0,
                    "ended_at": null,
                    "by": null,
                    "unresponsive_since": null,
                },
                {
                    "id": waiting.to_string(),
                    "status": "waiting",
                    "granted": false,
                    "who": null,
                    "run": null,
                    "host": null,
                    "pid": null,
                    "place": 1,
                    "priority": 3,
                    "slot": null,
                    "token": null,
                    "requested_at": 105.0,
                    "started_at": null,
                    "expires_at": null,
                    "waited": 2.0,
                    "ran": null,
                    "ended_at": null,
                    "by": null,
                    "unresponsive_since": null,
                },
            ],
        })
    );
}

#[test]
fn unlimited_slots_are_a_word() {
    let stage = Fixture::new();
    stage.slots(Slots::Unlimited);
    let json = serde_json::to_value(stage.view()).unwrap();
    assert_eq!(json["slots"], "unlimited");
    assert_eq!(
        serde_json::from_value::<SemaphoreView>(json).unwrap(),
        stage.view()
    );
    for (text, slots) in [
        ("-1", Slots::Unlimited),
        ("0", Slots::LOCKED),
        ("\"∞\"", Slots::Unlimited),
    ] {
        assert_eq!(serde_json::from_str::<Slots>(text).unwrap(), slots);
    }
    assert!(serde_json::from_str::<Slots>("-2").is_err());
    assert!(serde_json::from_str::<Slots>("1.5").is_err());
}
