//! Plans that grow: so many services, in phases that each bring as many; every other one depends on the first.

use rollout_plan::check::{FileError, Files};
use std::fmt::Write as _;

/// A plan and its compose files.
pub struct Grown {
    services: usize,
    phases: usize,
}

/// Where the first service is asked.
const FIRST_PORT: usize = 10_000;

impl Grown {
    /// Of so many services: three phases for ten of them, eight for a hundred, and twelve from a thousand on.
    pub fn of(services: usize) -> Self {
        let phases = match services {
            0..=10 => 3,
            11..=100 => 8,
            _ => 12,
        };
        Self { services, phases }
    }

    fn plan(&self) -> String {
        let mut text = "rollout grown\ndokploy {\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}\napp backend {\n  project \
                        \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}\nsampling {\n  every 5s\n  timeout 2s\n  healthy after 3 \
                        passes\n  unhealthy after 3 failures\n}\n"
            .to_owned();
        for at in 0..self.services {
            let port = FIRST_PORT + at;
            let _ = writeln!(text, "service s{at} {{\n  expect http \"http://127.0.0.1:{port}/health\"\n}}");
        }
        for at in 0..self.phases {
            let after = at.checked_sub(1).map_or_else(String::new, |before| format!(" after p{before}"));
            let _ =
                writeln!(text, "phase p{at}{after} {{\n  deploy backend from \"p{at}.yml\" within 10m\n  settle within 3m\n  soak 30s\n}}");
        }
        text
    }

    fn compose(&self, phase: usize) -> String {
        let upto = self.services * (phase + 1) / self.phases;
        let mut text = "services:\n".to_owned();
        for at in 0..upto {
            let port = FIRST_PORT + at;
            // As short as can be: a thousand of them are to be what Dokploy can deploy.
            let needs = if at % 2 == 1 { ", depends_on: [s0]" } else { "" };
            let _ = writeln!(text, "  s{at}: {{image: \"r/s{at}:1\", restart: always, ports: [\"{port}:80\"]{needs}}}");
        }
        text
    }
}

impl Files for Grown {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let phase = || path.strip_prefix('p')?.strip_suffix(".yml")?.parse().ok();
        match (path, phase()) {
            ("rollout.plan", _) => Ok(self.plan()),
            (_, Some(phase)) => Ok(self.compose(phase)),
            _ => Err(FileError::Missing),
        }
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}
