//! The command line, as clap reads it.

use crate::drive::Speed;
use crate::syntax::duration_of;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Rolls a Dokploy compose app out in phases, each verified before the next, and back to the last verified state when one fails.
#[derive(Debug, Parser)]
#[command(name = "plan", version, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prove what can be proved without touching anything, and show what would happen
    Check(Check),
    /// Make it happen, one verified phase at a time
    Run(Run),
    /// Run it against every way it can go wrong, on virtual time, and say how each ends; touches nothing
    Rehearse(Rehearse),
    /// Ask every delivered service how it is, until that is decided; changes nothing
    Health(Box<Health>),
    /// Ask what is delivered again and again, and tell when something turns unhealthy and when it is well again; changes nothing
    Watch(Watch),
    /// Go back to a state that was verified, and verify it again; asks a run that is at work to do so
    Rollback(Box<Rollback>),
    /// Say yes to the gate that a run at work asks, from another terminal
    Approve(Answer),
    /// Say no to the gate that a run at work asks: it stops, and what is live stays
    Deny(Answer),
    /// Say where the app stands: its first line is fit for a chat
    Status(Status),
    /// List the runs that were, newest first
    History(History),
    /// Show a run again, from its journal
    Show(Show),
    /// Print the JSON Schema of a run's JSON lines, as `run` and `show` write them
    Schema,
    /// Lay plans out in the one style: blanks, line ends and blank lines; words and comments stay
    Fmt(Fmt),
    /// Say what a finding's code means, with an example of it and of its cure
    Explain(Explain),
    /// Make a runbook of the plan, in Markdown: what a person does by hand, phase by phase, and when it fails
    Docs(Docs),
    /// Draw phases and services, and who leans on whom
    Graph(Graph),
    /// Make a first plan from compose files, to be looked through: what they do not say is guessed and marked so
    Init(Init),
    /// Serve a make-believe Dokploy on loopback, to try plans against
    Sandbox(Sandbox),
}

/// `plan check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// Do not ask Dokploy, even if the plan's address and key are at hand
    #[arg(long)]
    pub(super) offline: bool,
    /// Insist on asking Dokploy what is live: exit 9 when it cannot be asked
    #[arg(long, conflicts_with_all = ["offline", "tables"])]
    pub(super) live: bool,
    /// Instead of the schedule, show who publishes which port, uses which Redis and other database, is built from where and leans on whom
    #[arg(long)]
    pub(super) tables: bool,
    /// Show every finding, not only the first 50
    #[arg(long)]
    pub(super) all: bool,
    /// Count these as errors, too: exit 2
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) deny: Option<Deny>,
    /// How findings are shown
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(super) format: CheckFormat,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan check --deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Deny {
    /// What is worth knowing before a run
    Warnings,
}

/// How `plan check` shows what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// For people, with the lines they are about
    Human,
    /// For logs and editors: a line each, as compilers write it, all of them
    Plain,
    /// A JSON object for each finding on stdout, all of them, and nothing else there
    Json,
    /// Workflow commands of GitHub on stdout, all of them, and nothing else there
    Github,
}

/// `plan explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code of a finding, such as E0505
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    pub(super) code: Option<String>,
    /// List all codes: code, severity, title
    #[arg(long)]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan rehearse`.
#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// Instead of exploring, play these scenarios and compare what comes with what they expect: a file, or a folder of *.scenario files
    /// (repeatable). Exit 1 when one does not hold
    #[arg(long, value_name = "PATH", conflicts_with_all = ["budget", "every_service"])]
    pub(super) test: Vec<PathBuf>,
    /// Run at most so many paths, and say what was left out. Default: 15000, of more than ten services as many fewer
    #[arg(long, value_name = "PATHS")]
    pub(super) budget: Option<u64>,
    /// Try services that are alike one by one, too; the table is the same
    #[arg(long)]
    pub(super) every_service: bool,
    /// Show every line of the table; with --test, the path of every scenario
    #[arg(long)]
    pub(super) all: bool,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = RehearseForm::Human)]
    pub(super) format: RehearseForm,
    #[command(flatten)]
    pub(super) display: Display,
}

/// How `plan rehearse` shows what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RehearseForm {
    /// For people, worst first
    Human,
    /// One JSON object
    Json,
    /// The whole table as Markdown
    Markdown,
    /// With --test: `JUnit`'s XML, a test case for each scenario
    Junit,
}

/// `plan run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// Run against a make-believe Dokploy inside this process; nothing outside is touched
    #[arg(long)]
    pub(super) sandbox: bool,
    /// Break something in the sandbox (repeatable): "SERVICE: KIND", or "dokploy: KIND", "network: KIND", "external NAME: KIND", "gate NAME:
    /// KIND". Where and when: "… [in PHASE | in rollback | from PHASE] [after 30s] [for 30s] [every 2m]"; --help lists the kinds
    #[arg(long, value_name = "FAULT", requires = "sandbox", long_help = fault_help())]
    pub(super) fault: Vec<String>,
    /// Play a scenario in the sandbox: its faults, and at the end whether what it expects came. The name may be left out where there is one
    #[arg(long, value_name = "FILE[:NAME]", requires = "sandbox", conflicts_with = "fault")]
    pub(super) scenario: Option<String>,
    /// How fast the sandbox's time passes: a factor, or `max`. Times in the plan and sample counts do not change
    #[arg(long, value_name = "N|max", default_value_t = Speed::default(), requires = "sandbox")]
    pub(super) speed: Speed,
    /// Go on with a run that was cut off: by its id or a part of it, else the newest of this plan's app. Compose files must be as they were
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["until", "from", "from_broken", "redeploy", "adopt"])]
    #[expect(clippy::option_option, reason = "not asked for, asked for without a run, and with one")]
    pub(super) resume: Option<Option<String>>,
    /// Do not ask before the first change
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Answer a gate's question in somebody's name (repeatable)
    #[arg(long, value_name = "GATE=WHO", value_parser = parse_approval)]
    pub(super) approve: Vec<(String, String)>,
    /// Stop after this phase
    #[arg(long, value_name = "PHASE")]
    pub(super) until: Option<String>,
    /// Start exactly with this phase: the one before it must be live, verified and well
    #[arg(long, value_name = "PHASE", conflicts_with = "redeploy")]
    pub(super) from: Option<String>,
    /// Start although what is live does not hold, or may be another machine's unfinished run; the reason stands in journal and verdict
    #[arg(long, value_name = "REASON", value_parser = parse_reason)]
    pub(super) from_broken: Option<String>,
    /// Ask and show a service and let it decide nothing; the reason stands in journal and verdict (repeatable)
    #[arg(long, value_name = "SERVICE=REASON", value_parser = parse_waiver)]
    pub(super) waive: Vec<(String, String)>,
    /// Repeat the deploy of the live phase although its text is unchanged
    #[arg(long)]
    pub(super) redeploy: bool,
    /// Accept a live text that this tool did not put there; it is kept, and is what a failure goes back to
    #[arg(long)]
    pub(super) adopt: bool,
    /// Change a Dokploy of this version although it was never tested: its major and minor number, such as 0.31
    #[arg(long, value_name = "VERSION")]
    pub(super) allow_version: Option<String>,
    /// What a failure leads to, over what the plan says
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(super) on_failure: Option<OnFailure>,
    /// When everything is verified, watch on for as long as the plan's `watch` says; exit 8 when something is unhealthy at its end
    #[arg(long)]
    pub(super) watch: bool,
    /// Wait so long while another run on this machine holds the app, such as 15m, instead of ending with 7 at once
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = parse_duration)]
    pub(super) lock_wait: Duration,
    /// Where journal, snapshots and evidence go [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "PLAN_STATE")]
    pub(super) state: Option<PathBuf>,
    /// Lead an address of the plan elsewhere: HOST:PORT=ADDRESS:PORT, several separated by commas
    #[arg(long, value_name = "ROUTES", env = "PLAN_CONNECT_TO")]
    pub(super) connect_to: Option<String>,
    /// Leave a report when the run is over, however it ends: plain, json, junit or markdown, into a file (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = super::reports::parse)]
    pub(super) report: Vec<(ReportFormat, PathBuf)>,
    /// How the run is shown [default: human on a terminal, plain elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<RunFormat>,
    #[command(flatten)]
    pub(super) display: Display,
}

impl Run {
    /// `--resume FILE`: what stands after `--resume` is the plan when it is a file and no other one is named.
    pub(super) fn untangled(mut self) -> Self {
        if let Some(Some(name)) = &self.resume
            && self.file == *"rollout.plan"
            && PathBuf::from(name).is_file()
        {
            self.file = PathBuf::from(name);
            self.resume = Some(None);
        }
        self
    }
}

/// `plan health`.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// Ask only this service or external, and what it leans on (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) only: Vec<String>,
    /// Give a `let` of the plan another value (repeatable)
    #[arg(long, value_name = "LET=VALUE", value_parser = parse_setting)]
    pub(super) set: Vec<(String, String)>,
    /// Ask everything once and show what came back, without a verdict
    #[arg(long = "try")]
    pub(super) try_once: bool,
    /// Do not ask Dokploy: every service of the last phase by its address alone, its container unseen
    #[arg(long)]
    pub(super) offline: bool,
    /// Lead an address of the plan elsewhere: HOST:PORT=ADDRESS:PORT, several separated by commas
    #[arg(long, value_name = "ROUTES", env = "PLAN_CONNECT_TO")]
    pub(super) connect_to: Option<String>,
    /// How it is shown [default: human on a terminal, plain elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<HealthFormat>,
    #[command(flatten)]
    pub(super) display: Display,
}

/// How `plan health` shows what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HealthFormat {
    /// For people, in colour
    Human,
    /// For people, without colour
    Plain,
    /// One JSON object
    Json,
    /// `JUnit`'s XML, a test case for each expectation
    Junit,
}

/// `plan watch`.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// How long, such as 1h [default: as the plan's `watch` says, else until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) length: Option<Duration>,
    /// From one round to the next, such as 1m [default: as the plan's `watch` says, else 1m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) every: Option<Duration>,
    /// Lead an address of the plan elsewhere: HOST:PORT=ADDRESS:PORT, several separated by commas
    #[arg(long, value_name = "ROUTES", env = "PLAN_CONNECT_TO")]
    pub(super) connect_to: Option<String>,
    /// How it is shown [default: human on a terminal, plain elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan rollback`.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// Where to: a phase of the plan that was verified, or a run, by its id or a part of it: what it left verified, else what it found
    /// [default: the last verified state before what is live]
    #[arg(long, value_name = "PHASE|RUN")]
    pub(super) to: Option<String>,
    /// There is nothing to go back to in a sandbox inside this process
    #[arg(long, hide = true)]
    pub(super) sandbox: bool,
    /// Do not ask before the first change
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Begin although what is live may be another machine's unfinished run; the reason stands in journal and verdict
    #[arg(long, value_name = "REASON", value_parser = parse_reason)]
    pub(super) from_broken: Option<String>,
    /// Ask and show a service and let it decide nothing; the reason stands in journal and verdict (repeatable)
    #[arg(long, value_name = "SERVICE=REASON", value_parser = parse_waiver)]
    pub(super) waive: Vec<(String, String)>,
    /// Where journal, snapshots and evidence go, and those of earlier runs are [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "PLAN_STATE")]
    pub(super) state: Option<PathBuf>,
    /// Lead an address of the plan elsewhere: HOST:PORT=ADDRESS:PORT, several separated by commas
    #[arg(long, value_name = "ROUTES", env = "PLAN_CONNECT_TO")]
    pub(super) connect_to: Option<String>,
    /// Leave a report when it is over, however it ends: plain, json, junit or markdown, into a file (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = super::reports::parse)]
    pub(super) report: Vec<(ReportFormat, PathBuf)>,
    /// How it is shown [default: human on a terminal, plain elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<RunFormat>,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan approve` and `plan deny`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(super) struct Answer {
    /// The run, by its id or a part of it [default: the one that waits for an answer]
    pub(super) run: Option<String>,
    /// The gate that it asks
    pub(super) gate: String,
    /// In whose name [default: the user's]
    #[arg(long, value_name = "WHO", value_parser = parse_name)]
    pub(super) r#as: Option<String>,
    /// Where runs are recorded, to tell what became of one that is not at work [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "PLAN_STATE")]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The plan [default: rollout.plan if it is there, else every app that has runs]
    pub(super) file: Option<PathBuf>,
    /// Ask nobody, even if the plan's address and key are at hand: go by the records
    #[arg(long)]
    pub(super) offline: bool,
    /// Ask Dokploy alone, and none of the services
    #[arg(long)]
    pub(super) no_probes: bool,
    /// Go by runs in the sandbox, and ask nobody
    #[arg(long)]
    pub(super) sandbox: bool,
    /// Lead an address of the plan elsewhere: HOST:PORT=ADDRESS:PORT, several separated by commas
    #[arg(long, value_name = "ROUTES", env = "PLAN_CONNECT_TO")]
    pub(super) connect_to: Option<String>,
    /// Where the runs are recorded [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "PLAN_STATE")]
    pub(super) state: Option<PathBuf>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan history`.
#[derive(Debug, Args)]
pub(super) struct History {
    /// List runs of this plan's app only [default: rollout.plan if it is there]
    pub(super) file: Option<PathBuf>,
    /// List runs of every app
    #[arg(long, conflicts_with = "file")]
    pub(super) all: bool,
    /// List runs in the sandbox
    #[arg(long)]
    pub(super) sandbox: bool,
    /// List so many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) last: usize,
    /// Where the runs are recorded [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "PLAN_STATE")]
    pub(super) state: Option<PathBuf>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The run: its id, the beginning or the end of it, or `latest`
    pub(super) run: String,
    /// Copy the evidence of its failures into this folder, which must be new or empty; compose texts are left out
    #[arg(long, value_name = "DIR")]
    pub(super) evidence: Option<PathBuf>,
    /// Where the runs are recorded [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "PLAN_STATE")]
    pub(super) state: Option<PathBuf>,
    /// How the run is shown [default: human on a terminal, plain elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<ShowFormat>,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan fmt`.
#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// The plans; `-` reads stdin and writes stdout
    #[arg(value_name = "FILE", default_value = "rollout.plan")]
    pub(super) files: Vec<PathBuf>,
    /// Change nothing: print what would change, and exit 2 if anything would
    #[arg(long)]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan docs`.
#[derive(Debug, Args)]
pub(super) struct Docs {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// Where the page goes [default: stdout]
    #[arg(long, short, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,
    /// Write nothing: exit 2 when the page is not what it would be now
    #[arg(long, requires = "output")]
    pub(super) check: bool,
    /// Overwrite a file that `plan docs` did not make
    #[arg(long, requires = "output", conflicts_with = "check")]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan graph`.
#[derive(Debug, Args)]
pub(super) struct Graph {
    /// The plan
    #[arg(default_value = "rollout.plan")]
    pub(super) file: PathBuf,
    /// The language of the drawing
    #[arg(long, value_enum, default_value_t = Drawing::Mermaid)]
    pub(super) format: Drawing,
    #[command(flatten)]
    pub(super) display: Display,
}

/// How `plan graph` draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Drawing {
    /// For Markdown: GitHub and many editors draw it
    Mermaid,
    /// For Graphviz: `dot -Tsvg`
    Dot,
}

/// `plan init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Compose files, a phase each; each holds the services of those before it [default: phase1.yml, phase2.yml … or compose.yml in this folder]
    pub(super) files: Vec<PathBuf>,
    /// Where the plan goes; `-` is stdout
    #[arg(long, short, value_name = "FILE", default_value = "rollout.plan")]
    pub(super) output: PathBuf,
    /// Overwrite a plan that is there
    #[arg(long)]
    pub(super) force: bool,
    /// What the rollout and its app are called in the plan [default: by the plan's folder]
    #[arg(long, value_parser = parse_name)]
    pub(super) name: Option<String>,
    /// The project in Dokploy [default: by the plan's folder]
    #[arg(long, value_parser = parse_name)]
    pub(super) project: Option<String>,
    /// The project's environment in Dokploy [default: production]
    #[arg(long, value_parser = parse_name)]
    pub(super) environment: Option<String>,
    /// The compose service in Dokploy [default: as the app]
    #[arg(long, value_parser = parse_name)]
    pub(super) compose: Option<String>,
    #[command(flatten)]
    pub(super) display: Display,
}

/// `plan sandbox`.
#[derive(Debug, Args)]
pub(super) struct Sandbox {
    /// A plan whose services' and externals' addresses are led to the sandbox [default: rollout.plan if it is there, else the built-in example]
    pub(super) file: Option<PathBuf>,
    /// Where to listen: a loopback address
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// Break something, as in `plan run --sandbox` (repeatable)
    #[arg(long, value_name = "FAULT", long_help = fault_help())]
    pub(super) fault: Vec<String>,
    /// The version of Dokploy to be, as far as procedures and answers go
    #[arg(long, value_name = "VERSION", default_value = "v0.30.2")]
    pub(super) dokploy_version: String,
    /// How much faster than real time builds and boots pass
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_factor)]
    pub(super) speed: f64,
}

/// How things are shown.
#[derive(Debug, Args)]
pub(super) struct Display {
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

/// A format of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people; a run has a live view on a terminal
    Human,
    /// For logs: lines, and nothing painted over
    Plain,
    /// JSON lines
    Json,
}

/// How a run is shown while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RunFormat {
    /// For people; a live view on a terminal
    Human,
    /// For logs: lines, and nothing painted over
    Plain,
    /// JSON lines
    Json,
    /// For a workflow of GitHub: as plain, then annotations, and the job summary in the file that `GITHUB_STEP_SUMMARY` names
    Github,
}

/// How a run is shown from its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ShowFormat {
    /// For people, as it stayed on the screen
    Human,
    /// For logs: a line for each event that matters
    Plain,
    /// JSON lines
    Json,
    /// `JUnit`'s XML: a suite for each phase, a test case for each expectation
    Junit,
    /// Annotations for a workflow of GitHub, and the job summary in the file that `GITHUB_STEP_SUMMARY` names
    Github,
    /// A report for people: phases, what failed, timeline, digests, evidence
    Markdown,
}

/// A report that a run leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// A line for each event that matters
    Plain,
    /// JSON lines
    Json,
    /// `JUnit`'s XML
    Junit,
    /// A report for people
    Markdown,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--on-failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnFailure {
    /// Go back to the last verified state
    Rollback,
    /// Leave everything as it is
    Stop,
}

fn parse_factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.trim_end_matches(['x', '×']).parse().map_err(|_| format!("`{text}` is not a factor such as 20"))?;
    if (0.1..=10_000.0).contains(&factor) { Ok(factor) } else { Err("a speed lies between 0.1 and 10000".to_owned()) }
}

/// Longer than anybody waits, and far from where sums of times overflow.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration =
        duration_of(text).ok_or_else(|| format!("`{text}` is not a duration; write a number with its unit, such as 90s, 15m or 2h"))?;
    if duration <= LONGEST { Ok(duration) } else { Err("at most 720h".to_owned()) }
}

fn parse_reason(text: &str) -> Result<String, String> {
    let reason = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if reason.is_empty() { Err("say why, such as \"hotfix for the login\"".to_owned()) } else { Ok(reason) }
}

fn parse_name(text: &str) -> Result<String, String> {
    let usable = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if usable { Ok(text.trim().to_owned()) } else { Err("a name has something to read in it, on one line".to_owned()) }
}

fn parse_waiver(text: &str) -> Result<(String, String), String> {
    let wanted = || "write it as SERVICE=REASON, such as search=\"index is being rebuilt\"".to_owned();
    let (service, reason) = text.split_once('=').filter(|(service, _)| !service.is_empty()).ok_or_else(wanted)?;
    Ok((service.to_owned(), parse_reason(reason).map_err(|_| wanted())?))
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as LET=VALUE, such as host=127.0.0.1".to_owned()),
    }
}

fn parse_approval(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((gate, who)) if !gate.is_empty() && !who.is_empty() => Ok((gate.to_owned(), who.to_owned())),
        _ => Err("write it as GATE=WHO, such as go-ahead=maria".to_owned()),
    }
}

/// Every kind of fault, for the long help.
fn fault_help() -> String {
    let kinds: String = crate::world::Fault::kinds().fold(String::new(), |text, kind| text + "\n  " + &kind);
    format!(
        "Break something in the sandbox (repeatable):{kinds}\n\
         After it may stand, in this order: `in PHASE`, `in rollback` or `from PHASE`: only then, or from then on; `after 30s`: so long after\n\
         that; `for 30s`: so long; `every 2m`: again and again. Such as \"brain-api: http-500 in core after 40s for 20s\""
    )
}
