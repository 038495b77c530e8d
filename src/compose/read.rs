//! Reading a compose file.

use super::mistaken;
use super::node::{Node, Over, Value};
use super::service::Reader;
use super::{ComposeFile, Fault, Service, required, with_defaults};
use crate::diagnostic::nearest;
use crate::source::{FileId, Spanned};
use std::collections::BTreeMap;

/// Longer chains of `extends` nobody means; each service of a chain is put together from all below it.
const MAX_EXTENDS: usize = 32;

/// Reads a compose file. What it does not know it leaves alone, variables stay as they are written, and only what
/// compose itself would certainly refuse is a fault. Aliases, merge keys and `extends` within the file are followed,
/// all within fixed bounds.
///
/// # Errors
/// Everything that is wrong with the file, in the order of the text.
pub fn read(file: FileId, text: &str) -> Result<ComposeFile, Vec<Fault>> {
    let root = Node::parse(file, text).map_err(|fault| vec![fault])?;
    let includes = root.get("include").is_some();
    let mut reader = Reader::new(text);
    let mut services = Vec::new();
    match root.entries().and_then(|entries| entries.iter().find(|(key, _)| key.text == "services")) {
        Some((_, Node { value: Value::Map(entries), .. })) if !entries.is_empty() => {
            for (key, node) in entries {
                if node.entries().is_some() {
                    services.push((reader.service(key, node), extends(node)));
                } else if node.over == Over::Join {
                    let message = format!("service \"{}\" has no definition", key.text);
                    reader.fault_with(key.span, message, mistaken::definition(node));
                }
            }
        }
        _ if includes => {}
        Some((key, node)) => reader.fault_with(key.span, "`services:` names no service", mistaken::services(node)),
        None => return Err(vec![mistaken::file(&root, text)]),
    }
    let services = extended(services, &mut reader);
    let mut faults = reader.into_faults();
    if faults.is_empty() {
        let networks = externals(&root, "networks");
        let variables = required::of(&root, text);
        return Ok(ComposeFile { file, services, networks, volumes: externals(&root, "volumes"), includes, variables });
    }
    faults.sort_by_key(|fault| fault.at.as_ref().map(|at| at.start));
    Err(faults)
}

/// What a service extends.
enum Extends {
    Nothing,
    /// A service of the same file.
    Here(Spanned<String>),
    /// A service of another file, which is not read.
    Elsewhere,
}

fn extends(node: &Node) -> Extends {
    let Some(extends) = node.get("extends") else { return Extends::Nothing };
    if extends.get("file").is_some() {
        return Extends::Elsewhere;
    }
    let name = extends.get("service").unwrap_or(extends);
    let Some(text) = name.scalar() else { return Extends::Nothing };
    with_defaults(text).map_or(Extends::Elsewhere, |text| Extends::Here(Spanned::new(text, name.span)))
}

/// What may be written where a service extends one that it cannot.
fn extendable<'a>(service: &str, base: &str, names: impl Iterator<Item = &'a str>) -> String {
    match nearest(base, names.filter(|name| *name != service)) {
        Some(near) => format!("write `{near}`"),
        None => "name a service of this file, or add `file:` with the one that it stands in".to_owned(),
    }
}

/// Every service on top of what it extends. A service that runs nothing is a fault, unless what it runs stands in
/// another file.
fn extended(services: Vec<(Service, Extends)>, reader: &mut Reader<'_>) -> Vec<Service> {
    if services.iter().all(|(_, extends)| matches!(extends, Extends::Nothing)) {
        let whole: Vec<Service> = services.into_iter().map(|(service, _)| service).collect();
        for service in &whole {
            runs_something(service, reader);
        }
        return whole;
    }
    let by_name: BTreeMap<&str, usize> = services.iter().enumerate().map(|(at, (service, _))| (service.name.value.as_str(), at)).collect();
    let mut whole = Vec::with_capacity(services.len());
    for (at, (service, _)) in services.iter().enumerate() {
        let mut chain = vec![at];
        // Once something is said about what it extends, or that stands elsewhere, nobody knows whether it runs
        // something.
        let mut complete = true;
        while let Some(last) = chain.last() {
            let base = match &services[*last].1 {
                Extends::Nothing => break,
                Extends::Elsewhere => {
                    complete = false;
                    break;
                }
                Extends::Here(base) => base,
            };
            match by_name.get(base.value.as_str()) {
                Some(next) if !chain.contains(next) && chain.len() < MAX_EXTENDS => chain.push(*next),
                Some(next) if !chain.contains(next) => {
                    complete = false;
                    let message = format!("service \"{}\" extends through more than {MAX_EXTENDS} others", service.name.value);
                    reader.fault_with(service.name.span, message, "name what it has in the service itself");
                    break;
                }
                wrong => {
                    complete = false;
                    // Told once, at the service that says it.
                    if chain.len() == 1 {
                        let what =
                            if wrong.is_some() { "itself".to_owned() } else { format!("\"{}\", which is not in this file", base.value) };
                        let help = extendable(&service.name.value, &base.value, by_name.keys().copied());
                        reader.fault_with(base.span, format!("service \"{}\" extends {what}", service.name.value), help);
                    }
                    break;
                }
            }
        }
        let mut bases = chain.iter().rev().map(|at| &services[*at].0);
        let first = bases.next().cloned();
        let merged = bases.fold(first, |base, own| base.map(|base| own.clone().extending(&base)));
        let merged = merged.unwrap_or_else(|| service.clone());
        if complete {
            runs_something(&merged, reader);
        }
        whole.push(merged);
    }
    whole
}

/// A service needs something to run.
fn runs_something(service: &Service, reader: &mut Reader<'_>) {
    if service.image.is_some() || service.build.is_some() || service.definition.get("provider").is_some() {
        return;
    }
    let message = format!("service \"{}\" has neither `image` nor `build`", service.name.value);
    let keys = service.definition.as_object().into_iter().flat_map(|entries| entries.keys()).map(String::as_str);
    let help = match keys.into_iter().find(|key| nearest(key, ["image", "build"]).is_some()) {
        Some(key) => format!("write `{}` instead of `{key}`", nearest(key, ["image", "build"]).unwrap_or("image")),
        None => "add `image: NAME:TAG` or `build: FOLDER`; a file that is laid over another cannot be deployed on its own".to_owned(),
    };
    reader.fault_with(service.name.span, message, help);
}

/// Top-level networks or volumes, with whether each is external.
fn externals(root: &Node, section: &str) -> Vec<(Spanned<String>, bool)> {
    let entries = root.get(section).and_then(Node::entries).unwrap_or_default();
    let external = |node: &Node| node.get("external").is_some_and(|external| external.scalar().is_none_or(|text| text == "true"));
    entries.iter().map(|(key, node)| (Spanned::new(key.text.clone(), key.span), external(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{Condition, Port, Protocol};
    use crate::source::SourceMap;
    use std::time::Duration;

    fn read_text(text: &str) -> Result<ComposeFile, Vec<Fault>> {
        read(SourceMap::default().add("compose.yml", text), text)
    }

    fn good(text: &str) -> ComposeFile {
        read_text(text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
    }

    /// The message and the text pointed at, of the only fault.
    fn bad(text: &str) -> (String, String) {
        let mut faults = read_text(text).expect_err(text);
        assert_eq!(faults.len(), 1, "{faults:?}");
        let fault = faults.remove(0);
        let place = fault.at.map(|at| text[at].to_owned()).unwrap_or_default();
        (fault.message, place)
    }

    #[test]
    fn values_know_their_places_in_bytes() {
        let text =
            "# é\nservices:\n  web: # the site\n    image: nginx:1.27   # pinned\n    container_name: 'wéb'\n    ports: [\"80:80\"]\n";
        let web = &good(text).services[0];
        let place = |span: crate::source::Span| &text[span.range()];
        assert_eq!(place(web.name.span), "web");
        assert_eq!(place(web.image.as_ref().unwrap().span), "nginx:1.27");
        assert_eq!(place(web.container_name.as_ref().unwrap().span), "'wéb'");
        assert_eq!(place(web.ports[0].span), "\"80:80\"");
    }

    #[test]
    fn numbers_and_booleans_keep_their_spelling() {
        let text = "services:\n  web:\n    image: a\n    ports: [8000, 0x1F, '0x2F:80']\n";
        assert_eq!(bad(text).0, "service \"web\" publishes a port that cannot be read: \"0x2F:80\"");
        let text = "services:\n  web:\n    image: a\n    environment:\n      A: 010\n      B: yes\n      C: 1_000\n      D: 1e3\n      E:\n      F: ''\n";
        let web = &good(text).services[0];
        let values: Vec<_> = web.environment.iter().map(|entry| entry.value.as_ref().map(|value| value.value.as_str())).collect();
        assert_eq!(values, [Some("010"), Some("yes"), Some("1_000"), Some("1e3"), None, Some("")]);
    }

    #[test]
    fn aliases_and_merge_keys_point_at_where_they_are_used() {
        let text = "x-base: &base\n  image: a\n  build: &b https://git.example/r.git#main\nservices:\n  one: {<<: *base, build: *b}\n  two:\n    <<: *base\n";
        let file = good(text);
        for service in &file.services {
            assert_eq!(service.image.as_ref().unwrap().value, "a");
            let git = service.build.as_ref().unwrap().git.as_ref().unwrap();
            assert_eq!(&text[git.reference.as_ref().unwrap().span.range()], "main", "a pin goes where the reference is written");
        }
        assert_eq!(&text[file.services[1].image.as_ref().unwrap().span.range()], "*base");
    }

    #[test]
    fn both_spellings_of_lists_and_maps() {
        let text = "
services:
  a:
    build: {context: ./a, dockerfile: Dockerfile.prod}
    environment: [A=1, \"B=x=y\", C]
    depends_on: [b]
    networks: [front]
    env_file: .env
    healthcheck: {test: [NONE]}
  b:
    image: b
    environment: {A: '1'}
    depends_on:
      a: {condition: service_healthy}
      c: {condition: service_completed_successfully, required: false}
    networks: {front: {aliases: [bb]}}
    env_file: [{path: one.env, required: false}, two.env]
    healthcheck: {interval: 1m30s, timeout: 5s, retries: 5, start_period: 40s}
    ports: [{target: 80, published: '8080', host_ip: 127.0.0.1, protocol: tcp}, {target: 53, protocol: udp}, '${P}:1']
    profiles: [debug]
  c: {image: c}
networks: {front: {external: true}, back: , old: {external: {name: x}}}
volumes: {data: {}}
";
        let file = good(text);
        let (a, b) = (&file.services[0], &file.services[1]);
        let env: Vec<_> = a.environment.iter().map(|e| (e.name.value.as_str(), e.value.as_ref().map(|v| v.value.as_str()))).collect();
        assert_eq!(env, [("A", Some("1")), ("B", Some("x=y")), ("C", None)]);
        assert_eq!(a.depends_on[0].condition, Condition::Started);
        assert_eq!(a.build.as_ref().unwrap().dockerfile.as_ref().unwrap().value, "Dockerfile.prod");
        assert!(a.build.as_ref().unwrap().git.is_none());
        assert!(a.healthcheck.as_ref().unwrap().disabled);
        let conditions: Vec<_> = b.depends_on.iter().map(|d| (d.service.value.as_str(), d.condition)).collect();
        assert_eq!(conditions, [("a", Condition::Healthy), ("c", Condition::Completed)]);
        let health = b.healthcheck.as_ref().unwrap();
        assert_eq!((health.interval, health.start_period, health.retries), (Duration::from_secs(90), Duration::from_secs(40), 5));
        assert_eq!(b.env_files.iter().map(|f| f.value.as_str()).collect::<Vec<_>>(), ["one.env", "two.env"]);
        let ports: Vec<_> = b.ports.iter().map(|port| port.value).collect();
        let local = Some("127.0.0.1".parse().unwrap());
        assert_eq!(ports[0], Port { host_ip: local, host: Some(8080), container: 80, protocol: Protocol::Tcp });
        assert_eq!(ports[1], Port { host_ip: None, host: None, container: 53, protocol: Protocol::Udp });
        assert_eq!(b.unknown_ports[0].value, "${P}:1");
        assert_eq!(b.profiles[0].value, "debug");
        assert_eq!(b.networks[0].value, "front");
        let networks: Vec<_> = file.networks.iter().map(|(name, external)| (name.value.as_str(), *external)).collect();
        assert_eq!(networks, [("front", true), ("back", false), ("old", true)]);
        assert_eq!(file.volumes.len(), 1);
    }

    #[test]
    fn the_sandbox_reads_its_stage_directions() {
        let text = "services:\n  a:\n    image: a\n    x-sandbox: {status: {/health: 503, '*': 404}, body: {ok: no}, build: 40s, boot: 500ms}\n  b:\n    image: b\n    x-sandbox: {status: 302, body: hello}\n";
        let file = good(text);
        let a = file.services[0].sandbox.as_ref().unwrap();
        assert_eq!(a.status, BTreeMap::from([("/health".to_owned(), 503), ("*".to_owned(), 404)]));
        assert_eq!(a.body.as_deref(), Some(r#"{"ok":"no"}"#));
        assert_eq!((a.build, a.boot), (Some(Duration::from_secs(40)), Some(Duration::from_millis(500))));
        let b = file.services[1].sandbox.as_ref().unwrap();
        assert_eq!((b.status.get("*"), b.body.as_deref()), (Some(&302), Some("hello")));
        assert!(file.services[0].definition.get("x-sandbox").is_none(), "what only the sandbox sees changes no container");
    }

    #[test]
    fn extends_within_the_file_is_followed_and_another_file_is_left_alone() {
        let text = "
services:
  base: {image: a, environment: {A: 1, B: 2}, ports: ['1:1']}
  child:
    extends: {service: base}
    environment: [B=3]
    ports: ['2:2']
  grandchild: {extends: child, container_name: g}
  other: {extends: {file: common.yml, service: web}}
";
        let file = good(text);
        let grandchild = &file.services[2];
        assert_eq!(grandchild.image.as_ref().unwrap().value, "a");
        assert_eq!(grandchild.ports.len(), 2);
        let values: Vec<_> =
            grandchild.environment.iter().map(|e| (e.name.value.as_str(), e.value.as_ref().unwrap().value.as_str())).collect();
        assert_eq!(values, [("A", "1"), ("B", "3")]);
        let changed = good(&text.replace("image: a", "image: z"));
        assert_ne!(changed.services[2].definition, grandchild.definition, "a change of the base is a change of what extends it");
    }

    #[test]
    fn equal_definitions_mean_that_nothing_changes() {
        let one = good("services:\n  a: # comment\n    image: a\n    ports: ['80:80']\n    environment: {A: 1}\n");
        let two = good("services:\n  a:\n    environment: {A: '1'}\n    ports:\n      - 80:80\n    image: \"a\"\n    x-note: n\n");
        assert_eq!(one.services[0].definition, two.services[0].definition);
    }

    #[test]
    fn what_compose_would_refuse_is_said_with_its_place() {
        for (text, message, place) in [
            ("", "the file is empty", ""),
            ("# only a comment\n", "the file holds only comments", "# only a comment"),
            ("- a\n", "a compose file is a mapping with `services:`, and this is a list", "- a"),
            ("\nversion: '3'\n", "the file has no `services:`", "version: '3'"),
            ("services:\n", "`services:` names no service", "services"),
            ("services: []\n", "`services:` names no service", "services"),
            ("services:\n  web:\n", "service \"web\" has no definition", "web"),
            ("services:\n  web: nginx\n", "service \"web\" has no definition", "web"),
            ("services:\n  web:\n    imagge: a\n", "service \"web\" has neither `image` nor `build`", "web"),
            ("services:\n  web: {extends: web}\n", "service \"web\" extends itself", "web"),
            ("services:\n  web: {extends: we}\n", "service \"web\" extends \"we\", which is not in this file", "we"),
            ("services:\n  web: {image: a, ports: ['a:b']}\n", "service \"web\" publishes a port that cannot be read: \"a:b\"", "'a:b'"),
        ] {
            assert_eq!(bad(text), (message.to_owned(), place.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn broken_yaml_has_one_fault_with_a_place() {
        for text in [
            "services:\n  web:\n    image: [a\n",
            "services:\n  web:\n\timage: a\n",
            "services:\n  web:\n    image: a\n    image: b\n",
            "services:\n  web: *missing\n",
            "services:\n  web:\n    image: 'a\n",
        ] {
            let (message, _) = bad(text);
            assert!(!message.is_empty() && !message.contains(" at line "), "{text:?}: {message}");
        }
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let mut aliases = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let above = format!("*a{}, ", level - 1).repeat(10);
            aliases.extend(["a", &level.to_string(), ": &a", &level.to_string(), " [", &above, "]\n"]);
        }
        let deep = format!("services: {}{}", "[".repeat(10_000), "]".repeat(10_000));
        let wide = format!("services:\n  a:\n    image: a\n    ports:\n{}", "      - 1-65535:1-65535\n".repeat(500));
        let long = format!("services:\n  a:\n    image: {}\n", "x".repeat(2 * 1024 * 1024));
        let cycle = "services: &s\n  a: *s\n".to_owned();
        for bomb in [aliases, deep, wide, long, cycle] {
            assert!(read_text(&bomb).is_err(), "{}", &bomb[..60.min(bomb.len())]);
        }
    }
}
