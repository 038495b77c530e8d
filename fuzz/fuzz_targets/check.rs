//! A plan and the compose file that it names, with a NUL byte between them: checked, and told of in every form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_plan::check::{FileError, Files, check};
use rollout_plan::model::load;
use rollout_plan::report::diagnostics::{Look, human, json};
use rollout_plan::source::SourceMap;

/// Whatever file a plan names, it is this one.
struct Always<'a>(&'a str);

impl Files for Always<'_> {
    fn read(&self, _: &str) -> Result<String, FileError> {
        Ok(self.0.to_owned())
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

fuzz_target!(|text: &str| {
    let (plan, compose) = text.split_once('\0').unwrap_or((text, "services:\n  web:\n    image: registry.example/web:1.0\n"));
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", plan);
    let checked = check(&load(file, plan), &mut sources, &Always(compose));
    human(&checked.diagnostics, &sources, Look { width: 80, colour: false, all: true });
    json(&checked.diagnostics, &sources);
});
