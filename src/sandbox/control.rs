//! What only a sandbox has: `GET /sandbox/log`, `POST /sandbox/fault`, `POST /sandbox/clear-faults`. No key is asked for.

use super::http::{self, Answer};
use super::shell::Shell;
use crate::world::{Fault, World};
use hyper::body::Incoming;
use hyper::{Method, Request};
use std::sync::Arc;

/// The request log as JSON lines; a fault from the text of the body; all faults away.
pub(super) async fn answer(request: Request<Incoming>, shell: &Arc<Shell>) -> Answer {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/sandbox/log") => http::with_status(200, log(shell)),
        (&Method::POST, "/sandbox/fault") => {
            let body = http::read(request.into_body()).await.unwrap_or_default();
            match Fault::parse(String::from_utf8_lossy(&body).trim()) {
                Ok(fault) if fault.needs_the_run() => {
                    http::with_status(400, "a run asks its gates itself: give this fault to `plan run --sandbox`\n".to_owned())
                }
                Ok(fault) => {
                    shell.with_world(|world, now| world.add_fault(now, fault));
                    shell.sync().await;
                    http::with_status(200, String::new())
                }
                Err(error) => http::with_status(400, format!("{error}\n")),
            }
        }
        (&Method::POST, "/sandbox/clear-faults") => {
            shell.with_world(World::clear_faults);
            shell.sync().await;
            http::with_status(200, String::new())
        }
        _ => http::with_status(404, "there are GET /sandbox/log, POST /sandbox/fault and POST /sandbox/clear-faults\n".to_owned()),
    }
}

/// One JSON object a line for each request to Dokploy's API.
pub(super) fn log(shell: &Shell) -> String {
    shell.with_world(|world, _| {
        world.log().iter().filter_map(|call| serde_json::to_string(call).ok()).fold(String::new(), |mut text, line| {
            text.push_str(&line);
            text.push('\n');
            text
        })
    })
}
