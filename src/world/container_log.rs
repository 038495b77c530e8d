//! What a container writes: a start-up, requests, and how it ended. Enough of it that a log's tail is worth keeping.

use super::container::{Container, Run};
use super::names::number;
use super::stamp::Calendar;
use std::fmt::Write as _;
use std::time::Duration;

/// Between two lines of a start-up.
const STEP: Duration = Duration::from_millis(17);

/// Its whole log with Docker's stamps, oldest line first.
pub(super) fn lines(container: &Container, calendar: Calendar) -> Vec<String> {
    let mut stamped: Vec<(Duration, String)> = Vec::new();
    for (at, run) in container.runs.iter().enumerate() {
        let end = run.end.map(|(at, _)| at);
        let before_end = |moment: Duration| end.map_or(moment, |end| moment.min(end));
        stamped.extend(startup(container, at).into_iter().zip(0_u32..).map(|(line, step)| (before_end(run.from + STEP * step), line)));
        stamped.extend(ending(container, run));
    }
    let requests = container.requests.iter().map(|(at, path, status)| {
        let line = format!("INFO:     172.19.0.1:{} - \"GET {path} HTTP/1.1\" {status}", 40_000 + at.as_millis() % 20_000);
        (*at, line)
    });
    let failures = container.requests.iter().filter(|(_, _, status)| *status >= 500).flat_map(|(at, path, _)| {
        [
            format!("ERROR:    Exception in ASGI application while answering {path}"),
            "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server failed: FATAL: database is starting up"
                .to_owned(),
        ]
        .map(|line| (*at, line))
    });
    stamped.extend(requests.chain(failures));
    // A stable sort: lines of one moment stay in the order in which they were written.
    stamped.sort_by_key(|(at, _)| *at);
    let salt = number(&["log", &container.id]);
    stamped
        .into_iter()
        .zip(0_u64..)
        .map(|((at, line), n)| format!("{} {line}", calendar.nanos(at, (salt + n * 1_013) % 1_000_000)))
        .collect()
}

fn startup(container: &Container, start: usize) -> Vec<String> {
    let service = container.service();
    let port = container.definition.ports.first().map_or(8000, |port| port.container);
    let mut lines = vec![
        format!("[entrypoint] starting {service} (start {} of this container)", start + 1),
        "[entrypoint] python 3.11.9 on linux".to_owned(),
        "[entrypoint] reading configuration from the environment".to_owned(),
    ];
    for (name, _) in container.definition.environment.iter().take(8) {
        lines.push(format!("[config] {name} is set"));
    }
    lines.push("[entrypoint] waiting for the database".to_owned());
    lines.push("[entrypoint] database answers after 0.1 s".to_owned());
    for app in ["contenttypes", "auth", "sessions", "tenants", "catalogue", "orders", "audit", "webhooks"] {
        lines.push(format!("[migrate] {app}: no migrations to apply"));
    }
    for step in ["settings", "logging", "middleware", "routes", "cache", "task queue"] {
        lines.push(format!("[app] {service}: {step} loaded"));
    }
    lines.extend(container.definition.answer.log.iter().cloned());
    lines.push("INFO:     Started server process [1]".to_owned());
    lines.push("INFO:     Waiting for application startup.".to_owned());
    if container.booted && start + 1 == container.runs.len() {
        lines.push("INFO:     Application startup complete.".to_owned());
        lines.push(format!("INFO:     Uvicorn running on http://0.0.0.0:{port} (Press CTRL+C to quit)"));
    }
    lines
}

fn ending(container: &Container, run: &Run) -> Vec<(Duration, String)> {
    let Some((at, death)) = run.end else { return Vec::new() };
    let service = container.service().replace('-', "_");
    let lines = match (death.code, death.oom) {
        (0, _) if container.definition.one_shot => vec!["[entrypoint] done".to_owned()],
        (0, _) => vec!["INFO:     Shutting down".to_owned(), "INFO:     Finished server process [1]".to_owned()],
        (_, true) => vec!["Killed".to_owned()],
        _ => {
            let mut lines = vec!["Traceback (most recent call last):".to_owned()];
            for (file, line, call) in [
                ("/usr/local/bin/uvicorn", 8, "sys.exit(main())"),
                ("/usr/local/lib/python3.11/site-packages/uvicorn/main.py", 412, "run(app, **kwargs)"),
                ("/usr/local/lib/python3.11/site-packages/uvicorn/server.py", 65, "return asyncio.run(self.serve(sockets=sockets))"),
                ("/app/main.py", 41, "app = create_app()"),
                ("/app/application.py", 117, "settings = Settings()"),
            ] {
                lines.push(format!("  File \"{file}\", line {line}, in <module>"));
                lines.push(format!("    {call}"));
            }
            lines.push(format!("{service}.errors.ConfigurationError: the application cannot start (fault of the sandbox)"));
            lines.push(format!("ERROR:    Application startup failed. Exiting with {}.", death.code));
            lines
        }
    };
    lines.into_iter().map(|line| (at, line)).collect()
}

/// The last lines, each with a newline, that hold the searched text.
pub(super) fn tail(lines: &[String], count: usize, search: Option<&str>) -> String {
    let first = lines.len().saturating_sub(count);
    lines[first..].iter().filter(|line| search.is_none_or(|search| line.contains(search))).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}
