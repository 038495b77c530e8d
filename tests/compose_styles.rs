//! Compose files in many people's styles: each reads without a fault, and as what it says. One snapshot holds them all.

use crate::fixture;
use rollout_plan::compose::{self, ComposeFile, Port, Service};
use rollout_plan::source::SourceMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[test]
fn every_style_reads_as_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose");
    let mut files: Vec<_> = fs::read_dir(folder.join("styles")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{} files", files.len());
    let mut shown = String::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let read = compose::read(SourceMap::default().add(&name, text.as_str()), &text);
        let file = read.unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        writeln!(shown, "{name}").unwrap();
        describe(&file, &text, &mut shown);
    }
    fixture::compare(&folder.join("styles.expected"), &shown);
}

fn describe(file: &ComposeFile, text: &str, out: &mut String) {
    for service in &file.services {
        assert_spans(service, text);
        write!(out, "  {}:", service.name.value).unwrap();
        if let Some(image) = &service.image {
            write!(out, " image {}", image.value).unwrap();
        }
        if let Some(build) = &service.build {
            write!(out, " build {}", build.context.value).unwrap();
            if let Some(git) = &build.git {
                let reference = git.reference.as_ref().map(|reference| reference.value.as_str());
                write!(out, " (git {} {:?} {:?})", git.repository, reference, git.directory).unwrap();
            }
        }
        writeln!(out).unwrap();
        let ports: Vec<String> = service.ports.iter().map(|port| port_text(port.value)).collect();
        let unknown: Vec<&str> = service.unknown_ports.iter().map(|port| port.value.as_str()).collect();
        let depends: Vec<String> = service
            .depends_on
            .iter()
            .map(|wanted| format!("{} {:?}{}", wanted.service.value, wanted.condition, if wanted.required { "" } else { " optional" }))
            .collect();
        let environment: Vec<String> = service
            .environment
            .iter()
            .map(|entry| match &entry.value {
                Some(value) => format!("{}={}", entry.name.value, value.value.escape_debug()),
                None => entry.name.value.clone(),
            })
            .collect();
        let names = |names: &[rollout_plan::source::Spanned<String>]| names.iter().map(|name| name.value.clone()).collect::<Vec<_>>();
        let rows = [
            ("ports", ports),
            ("unknown ports", unknown.into_iter().map(str::to_owned).collect()),
            ("depends on", depends),
            ("environment", environment),
            ("env files", names(&service.env_files)),
            ("profiles", names(&service.profiles)),
            ("networks", names(&service.networks)),
            ("container name", service.container_name.iter().map(|name| name.value.clone()).collect()),
            ("restart", service.restart.iter().map(|restart| restart.value.clone()).collect()),
            ("healthcheck", service.healthcheck.iter().map(|check| format!("{check:?}")).collect()),
            ("sandbox", service.sandbox.iter().map(|answer| format!("{answer:?}")).collect()),
        ];
        for (label, values) in rows.iter().filter(|(_, values)| !values.is_empty()) {
            writeln!(out, "    {label}: {}", values.join(", ")).unwrap();
        }
    }
    for (kind, entries) in [("network", &file.networks), ("volume", &file.volumes)] {
        for (name, external) in entries {
            writeln!(out, "  {kind} {}{}", name.value, if *external { " external" } else { "" }).unwrap();
        }
    }
}

/// Whatever the style, a place is in the text and holds what it stands for, or the alias that it came by.
fn assert_spans(service: &Service, text: &str) {
    let name = &text[service.name.span.range()];
    assert!(name.contains(&service.name.value), "{name}");
    if let Some(image) = &service.image {
        let shown = &text[image.span.range()];
        assert!(shown.contains(&image.value) || shown.contains('*'), "{shown}");
    }
    for port in &service.ports {
        let shown = &text[port.span.range()];
        let number = port.value.host.unwrap_or(port.value.container).to_string();
        assert!(shown.contains(&number) || shown.contains('-') || shown.contains('$'), "{shown} for {number}");
    }
}

fn port_text(port: Port) -> String {
    let host = port.host.map_or_else(|| "any".to_owned(), |host| host.to_string());
    let address = port.host_ip.map_or_else(|| "*".to_owned(), |address| address.to_string());
    format!("{address} {host}->{}/{:?}", port.container, port.protocol).to_lowercase()
}
