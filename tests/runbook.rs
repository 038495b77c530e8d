//! `plan docs` and `plan graph`: the example's runbook holds every fact of the report that it begins with, and no name, note or secret of a
//! plan can break the page or the drawing. `UPDATE_FIXTURES=1` writes examples/bizosaas/runbook.md anew.

use crate::fixture;
use crate::program::binary::{EXAMPLE, Home, Ran};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The report's tables, by heading; each row without its head.
const SEED: &str = include_str!("runbook/seed.md");

type Tables = BTreeMap<String, Vec<Vec<String>>>;

/// The cells of a row as GitHub takes them apart: a bar after a backslash ends none, in code neither.
fn cells(row: &str) -> Vec<String> {
    let (mut cells, mut escaped) = (vec![String::new()], false);
    for char in row.trim().strip_prefix('|').unwrap().chars() {
        match char {
            '|' if !escaped => cells.push(String::new()),
            '|' => {
                let cell = cells.last_mut().unwrap();
                cell.pop();
                cell.push('|');
            }
            char => cells.last_mut().unwrap().push(char),
        }
        escaped = char == '\\' && !escaped;
    }
    assert_eq!(cells.pop().unwrap(), "", "a row ends in a bar: {row}");
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// The first table below each heading, heads left out. Every row must have as many cells as its head.
fn tables(page: &str) -> Tables {
    let (mut tables, mut heading, mut fence, mut head) = (Tables::new(), String::new(), None::<String>, None::<usize>);
    for line in page.lines() {
        let ticks = line.trim_start().chars().take_while(|char| *char == '`').count();
        match &fence {
            Some(open) => {
                if line.trim() == open {
                    fence = None;
                }
                continue;
            }
            None if ticks >= 3 => {
                fence = Some("`".repeat(ticks));
                continue;
            }
            None => {}
        }
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        }
        if !line.starts_with('|') {
            head = None;
            continue;
        }
        let row = cells(line);
        match head {
            None => head = Some(row.len()),
            Some(columns) => {
                assert_eq!(row.len(), columns, "under {heading}: {line}");
                if !row.iter().all(|cell| cell.chars().all(|char| char == '-') && !cell.is_empty()) {
                    tables.entry(heading.clone()).or_default().push(row);
                }
            }
        }
    }
    assert_eq!(fence, None, "a fence is never closed");
    tables
}

/// A cell that is one piece of code, without its ticks.
fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// The report's names are for people; the compose files have their own.
fn service(name: &str) -> String {
    match name {
        "CorelDove" => "coreldove-backend".to_owned(),
        "Temporal" => "temporal-integration".to_owned(),
        name => name.to_lowercase().replace(' ', "-"),
    }
}

fn of_example(command: &[&str]) -> String {
    let home = Home::new();
    let output = home.command(command).current_dir(EXAMPLE).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_runbook_of_the_example_is_as_it_lies_there() {
    let page = of_example(&["docs"]);
    assert_eq!(page, of_example(&["docs"]), "it is the same every time");
    assert!(!page.contains(env!("CARGO_MANIFEST_DIR")));
    fixture::compare(&Path::new(EXAMPLE).join("runbook.md"), &page);
}

#[test]
fn the_runbook_holds_every_fact_of_the_reports_tables() {
    let (seed, page) = (tables(SEED), of_example(&["docs"]));
    let book = tables(&page);
    let rows = |title: &str| book.get(title).unwrap_or_else(|| panic!("no table under {title}"));
    let has = |title: &str, columns: &[(usize, String)]| {
        let found = rows(title).iter().filter(|row| columns.iter().all(|(at, text)| plain(&row[*at]) == *text)).count();
        assert_eq!(found, 1, "under {title}: {columns:?}");
    };
    let mut facts = 0;
    for row in &seed["Phases"] {
        let [number, services, added, duration, file] = row.as_slice() else { panic!("{row:?}") };
        let at = number.parse::<usize>().unwrap() - 1;
        let phase = &rows("Phases")[at];
        assert!(phase[0].starts_with(&format!("{number}. ")), "{phase:?}");
        assert_eq!((&phase[2], plain(&phase[3])), (services, file.clone()));
        assert_eq!(phase[5], duration.replace(" min", "m"));
        let names = |text: &str| -> BTreeSet<String> { text.split(", ").map(service).collect() };
        let adds: BTreeSet<String> = phase[1].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(adds, names(added), "{phase:?}");
        facts += 5;
    }
    for row in &seed["Ports"] {
        has("Ports", &[(0, row[0].clone()), (1, service(&row[1]))]);
        has("Other databases", &[(0, row[3].clone()), (2, service(&row[1]))]);
        facts += 2;
    }
    assert_eq!((rows("Ports").len(), rows("Other databases").len()), (10, 10), "and no others");
    for row in &seed["Redis"] {
        has("Redis databases", &[(0, row[1].clone()), (2, service(&row[0]))]);
        facts += 1;
    }
    assert_eq!(rows("Redis databases").len(), 10);
    for row in &seed["Build contexts"] {
        // The report writes the repository's name before what is in it.
        let directory = row[0].strip_prefix("bizosaas-platform/").unwrap_or(&row[0]);
        has("Build contexts", &[(3, directory.to_owned())]);
        facts += 1;
    }
    assert_eq!(rows("Build contexts").len(), 9);
    assert!(rows("Build contexts").iter().all(|row| row[1].contains("bizosaas-platform.git") && plain(&row[2]) == "main"));
    for row in &seed["Dependencies"] {
        match (row[0].as_str(), row[1].as_str()) {
            // Saleor comes up a phase before it, and has accounts of its own.
            ("All services", on) => {
                let all = seed["Redis"].iter().map(|row| service(&row[0]));
                for one in all.filter(|name| !["saleor-api", "auth-service"].contains(&name.as_str())) {
                    has("Dependencies", &[(0, one), (1, service(on))]);
                    facts += 1;
                }
            }
            (name, "Temporal Server") => has("Dependencies", &[(0, service(name)), (1, "external `temporal".to_owned())]),
            (name, on) => has("Dependencies", &[(0, service(name)), (1, service(on))]),
        }
        facts += 1;
    }
    for row in &seed["Health"] {
        let of = rows("Services").iter().find(|cells| plain(&cells[0]) == service(&row[0])).unwrap();
        assert!(of[5].contains(&format!("{} ", row[1])), "{of:?}");
        facts += 1;
    }
    for row in &seed["Infrastructure"] {
        let asked = page.lines().any(|line| line.starts_with("- external `") && line.contains(&format!(":{}`", row[1])));
        assert!(asked, "{row:?}");
        facts += 1;
    }
    assert!(facts > 70, "{facts}");
}

#[test]
fn every_service_can_be_looked_after_and_every_phase_gone_back_from() {
    let page = of_example(&["docs"]);
    let (_, trouble) = page.split_once("\n## Troubleshooting\n").unwrap();
    let book = tables(&page);
    // Externals have a table of their own below it.
    for row in book["Services"].iter().filter(|row| row.len() == 8) {
        let name = plain(&row[0]);
        let (_, of_it) = trouble.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("nothing on {name}"));
        let of_it = of_it.split("\n###").next().unwrap();
        assert!(of_it.starts_with("\n- **"), "the hint comes first: {of_it}");
        for word in ["docker logs --tail 100 bizosaas-", "curl -sS", &format!("plan health rollout.plan --only {name}")] {
            assert!(of_it.contains(word), "{word} of {name}: {of_it}");
        }
    }
    let back: Vec<(String, String)> = book["Rolling back"].iter().map(|row| (plain(&row[0]), plain(&row[1]))).collect();
    let expected = [("foundation", "what was there before"), ("core", "foundation"), ("business", "core"), ("complete", "business")];
    assert_eq!(back, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    // Its own commands are such that exist.
    let commands: Vec<&str> = page.lines().map(str::trim).filter(|line| line.starts_with("plan ")).collect();
    for command in &commands {
        let words = command.split(" #").next().unwrap().split_whitespace().map(str::to_owned);
        assert_eq!(rollout_plan::cli::misread(words), None, "{command}");
    }
    assert!(commands.len() > 10);
    // Nobody's tables of causes are written twice.
    assert!(book["Signs and likely causes"].len() > 60);
}

/// A plan whose every text tries to be something else.
const ODD: &str = r##"rollout odd

dokploy {
  url env("DOKPLOY_URL")
  api-key "hunter22-key"
}

app end {
  project "A|B `c`"
  environment "staging"
  compose "x"
}

let host = env("HOST_OF_IT", "127.0.0.1")

sampling {
  every 5s
  timeout 3s
  healthy after 2 passes
  unhealthy after 3 failures
}

service end {
  note "a | b `code` [link](x) <b> # *bold* ```"
  uses graph
  needs store
  expect http "http://user:hunter22@{host}:8001/x" {
    body matches /a\|b`c/
    header "x-token" == "y"
  }
  hint "# | not a title\\"
}

service graph {
  note "end"
  expect tcp "{host}:8002"
  expect logs { none matches /FATAL|"]/ }
}

service subgraph {
  needs graph
  expect http "http://{host}:8003/" {
    auth bearer secret("TOKEN_OF_IT")
    send header "X-Key" "hunter22"
    status == 200
  }
}

external store {
  expect postgres secret("STORE_URL") { query 'SELECT "a|b" FROM c' == 1 }
}

gate class {
  expect external store
  approve "Really \"so\" | now?" within 5m else stop
}

phase end {
  note "1. no list"
  require class
  deploy end from "one.yml" within 3m
}

phase graph after end {
  deploy end from "two.yml" within 3m
  on failure stop
}
"##;

const ONE: &str = "services:
  end:
    image: registry.example/end:1.0
    ports: [\"8001:80\"]
    environment: { DATABASE_URL: \"postgres://app:${DB_PASSWORD}@db:5432/a_b\" }
    volumes: [\"data:/data\"]
volumes: { data: {} }
";

const MORE: &str = "  graph:
    build: https://bot:${GIT_TOKEN:-hunter22}@git.example/odd/graph.git#v1:a|b
    ports: [\"8002:80\"]
  subgraph:
    image: registry.example/subgraph:1.0
    ports: [\"8003:80\"]
    depends_on: [graph]
";

fn odd() -> Home {
    let home = Home::new();
    home.file("rollout.plan", ODD);
    home.file("one.yml", ONE);
    let (services, volumes) = ONE.split_at(ONE.find("volumes: {").unwrap());
    home.file("two.yml", &format!("{services}{MORE}{volumes}"));
    home
}

#[test]
fn no_text_of_a_plan_breaks_the_page_and_no_secret_is_on_it() {
    let home = odd();
    let ran = home.plan(["docs"]);
    let page = &ran.ends(0).stdout;
    let book = tables(page);
    assert_eq!(plain(&book["Services"][0][0]), "end");
    assert!(book["Services"][0][2].starts_with("a | b \\`code\\` \\[link\\](x) \\<b\\>"), "{:?}", book["Services"][0]);
    assert!(book["Services"][0][5].contains("<code>"), "a backslash before a bar: {:?}", book["Services"][0]);
    assert!(page.contains("\n\\1. no list\n") || page.contains("\n1\\. no list\n"), "{page}");
    assert!(page.contains("## Volumes") && page.contains("what `end` wrote to `data` (`/data`) stays as it is then"));
    for secret in ["hunter22", "bot:"] {
        assert!(!page.contains(secret), "{secret} is on\n{page}");
    }
    for command in ["\"Authorization: Bearer ${TOKEN_OF_IT}\"", "psql \"${STORE_URL}\" -c 'SELECT \"a|b\" FROM c'", "\"x-key: …\""] {
        assert!(page.contains(command), "{command} is not on\n{page}");
    }
    let drawn = home.plan(["graph"]).ends(0).stdout.clone() + &home.plan(["graph", "--format", "dot"]).stdout;
    assert!(!drawn.contains("hunter22"));
}

/// A drawing: its nodes' labels by id, and its arrows.
type Drawing = (BTreeMap<String, String>, Vec<(String, String)>);

fn is_id(text: &str) -> bool {
    let letters = text.trim_end_matches(|char: char| char.is_ascii_digit());
    ["phase", "service", "external", "gate"].contains(&letters) && letters.len() < text.len()
}

/// Reads what Mermaid would, and nothing else: one statement a line, labels in quotes without any in them.
fn mermaid(text: &str) -> Drawing {
    let (mut nodes, mut arrows, mut depth) = (BTreeMap::new(), Vec::new(), 0);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("flowchart TB"));
    for line in lines {
        let line = line.trim();
        if line == "end" {
            depth -= 1;
            continue;
        }
        if let Some((from, rest)) = line.split_once(' ').filter(|(from, _)| is_id(from)) {
            let (arrow, to) = rest.rsplit_once(' ').unwrap();
            let arrow = arrow.split('|').collect::<Vec<_>>();
            assert!(
                matches!(
                    arrow.as_slice(),
                    ["==>"]
                        | [
                            "-->" | "-.->",
                            "needs" | "uses" | "asks" | "depends_on" | "depends_on, needs" | "depends_on, uses" | "depends_on, needs, uses",
                            ""
                        ]
                ),
                "{line}"
            );
            arrows.push((from.to_owned(), to.to_owned()));
            continue;
        }
        let node = line.strip_prefix("subgraph ").inspect(|_| depth += 1).unwrap_or(line);
        let (id, label) = node.split_once('"').unwrap_or_else(|| panic!("{line}"));
        let (label, close) = label.split_once('"').unwrap();
        let id = id.trim_end_matches(['[', '(', '{']);
        assert!(is_id(id) && close.chars().all(|char| "])}".contains(char)) && !close.is_empty(), "{line}");
        assert!(!label.contains(['<', '>', '`', '"']), "{line}");
        assert_eq!(nodes.insert(id.to_owned(), label.to_owned()), None, "{id} twice");
    }
    assert_eq!(depth, 0, "each subgraph has its end");
    assert!(arrows.iter().all(|(from, to)| nodes.contains_key(from) && nodes.contains_key(to)), "{arrows:?}");
    (nodes, arrows)
}

/// The same of Graphviz's language.
fn dot(text: &str) -> Drawing {
    let (mut nodes, mut arrows, mut depth) = (BTreeMap::new(), Vec::new(), 0);
    for line in text.lines().map(str::trim) {
        // What stands in quotes, and the rest without it.
        let (mut strings, mut rest, mut open, mut escaped) = (Vec::new(), String::new(), false, false);
        for char in line.chars() {
            match char {
                '"' if !escaped => {
                    open = !open;
                    if open {
                        strings.push(String::new());
                        rest.push('"');
                    }
                }
                char if open => strings.last_mut().unwrap().push(char),
                char => rest.push(char),
            }
            escaped = char == '\\' && !escaped;
        }
        assert!(!open, "{line}");
        depth += rest.matches('{').count();
        depth -= rest.matches('}').count();
        let words: Vec<&str> = rest.split(' ').collect();
        match words.as_slice() {
            [from, "->", to, ..] => arrows.push(((*from).to_owned(), to.trim_end_matches(';').to_owned())),
            [id, attributes, ..] if is_id(id) => {
                assert!(attributes.starts_with('['), "{line}");
                nodes.insert((*id).to_owned(), strings.first().cloned().unwrap_or_default());
            }
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    assert!(arrows.iter().all(|(from, to)| nodes.contains_key(from) && nodes.contains_key(to)), "{arrows:?}");
    (nodes, arrows)
}

#[test]
fn a_drawing_is_read_whatever_its_services_are_called() {
    let home = odd();
    let (nodes, arrows) = mermaid(&home.plan(["graph"]).ends(0).stdout);
    let names: Vec<&str> = nodes.iter().filter(|(id, _)| id.starts_with("service")).map(|(_, label)| label.as_str()).collect();
    assert_eq!(names, ["end (8001)", "graph (8002)", "subgraph (8003)"]);
    let (same, likewise) = dot(&home.plan(["graph", "--format", "dot"]).ends(0).stdout);
    assert_eq!(arrows, likewise, "both draw the same");
    assert_eq!(nodes.keys().collect::<Vec<_>>(), same.keys().collect::<Vec<_>>());

    let (nodes, arrows) = mermaid(&of_example(&["graph", "--format", "mermaid"]));
    let id = |label: &str| nodes.iter().find(|(_, known)| *known == label).unwrap_or_else(|| panic!("no {label}")).0.clone();
    for (from, to) in [
        ("coreldove-backend (8005)", "saleor-api (8000)"),
        ("ai-agents (8008)", "brain-api (8001)"),
        ("temporal-integration (8007)", "temporal"),
        ("1. foundation", "2. core"),
        ("go-ahead", "4. complete"),
        ("infrastructure", "postgres"),
    ] {
        assert!(arrows.contains(&(id(from), id(to))), "{from} → {to}");
    }
}

#[test]
fn every_valid_plan_of_the_checks_has_a_whole_page_and_a_drawing() {
    let mut pages = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check")).unwrap() {
        let plan = entry.unwrap().path().join("rollout.plan");
        let home = Home::new();
        let docs = |plan: &Path| -> Ran { home.plan(["docs", plan.to_str().unwrap()]) };
        if plan.is_file() && docs(&plan).code == 0 {
            let page = docs(&plan).stdout;
            assert!(!tables(&page).is_empty(), "{}", plan.display());
            mermaid(page.split("```mermaid\n").nth(1).unwrap().split("```").next().unwrap());
            dot(&home.plan(["graph", "--format", "dot", plan.to_str().unwrap()]).ends(0).stdout);
            assert!(!page.contains("hunter2"), "{page}");
            pages += 1;
        }
    }
    assert!(pages >= 8, "only {pages}");
}

#[test]
fn a_page_is_written_compared_and_never_in_the_place_of_something_else() {
    let home = Home::new();
    let example = home.copy_of_example();
    let plan = example.join("rollout.plan");
    let docs = |more: &[&str]| home.plan(["docs", plan.to_str().unwrap()].iter().chain(more));
    docs(&["--output", "out.md", "--check"]).ends(2).says("\"out.md\" is not there").says("plan docs");
    docs(&["--output", "out.md"]).ends(0).says("wrote out.md");
    let page = std::fs::read_to_string(home.path().join("out.md")).unwrap();
    assert_eq!(page, docs(&[]).ends(0).stdout);
    docs(&["--output", "out.md", "--check"]).ends(0);
    assert_eq!(docs(&["--output", "out.md"]).ends(0).stderr, "", "there is nothing to write");

    std::fs::write(&plan, std::fs::read_to_string(&plan).unwrap().replace("\"Workflows\"", "\"Work that flows\"")).unwrap();
    docs(&["--output", "out.md", "--check"]).ends(2).says("is not what the plan says now");
    assert_eq!(std::fs::read_to_string(home.path().join("out.md")).unwrap(), page, "--check writes nothing");
    docs(&["--output", "out.md"]).ends(0);
    assert!(std::fs::read_to_string(home.path().join("out.md")).unwrap().contains("Work that flows"));

    let before = std::fs::read_to_string(&plan).unwrap();
    docs(&["--output", plan.to_str().unwrap()]).ends(2).says("was not made by `plan docs`").says("--force");
    assert_eq!(std::fs::read_to_string(&plan).unwrap(), before);
    home.file("mine.md", "mine\n");
    docs(&["--output", "mine.md", "--force"]).ends(0);
    assert!(std::fs::read_to_string(home.path().join("mine.md")).unwrap().contains("runbook"));
    docs(&["--output", "no/such/folder.md"]).ends(1).says("cannot be written");
    docs(&["--force"]).ends(2);
}

#[test]
fn a_plan_with_errors_has_no_page() {
    let home = Home::new();
    home.file("rollout.plan", "rollout x\n");
    for command in ["docs", "graph"] {
        let ran = home.plan([command]);
        assert_eq!(ran.ends(2).stdout, "", "{command}");
        assert!(ran.stderr.contains("error"), "{command}: {}", ran.stderr);
        home.plan([command, "gone.plan"]).ends(2).says("there is no plan");
    }
}
