//! `docker inspect` of a container, as `docker.getConfig` passes it on (FACTS §7).

use super::container::{Container, State};
use super::host;
use super::names::{hex64, number};
use super::stamp::{Calendar, NEVER};
use crate::compose::{Condition, Protocol};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Everything that Docker says of a container.
pub(super) fn inspect(container: &Container, calendar: Calendar) -> Value {
    let id = container.id.as_str();
    let definition = &container.definition;
    let salt = number(&["stamp", id]);
    let stamp =
        |moment: Option<Duration>, more: u64| moment.map_or_else(|| NEVER.to_owned(), |at| calendar.nanos(at, salt.wrapping_add(more)));
    let home = format!("/var/lib/docker/containers/{id}");
    let layer = format!("/var/lib/docker/overlay2/{}", hex64(&["layer", id]));
    let base = format!("/var/lib/docker/overlay2/{}", hex64(&["layer", &definition.image_id]));
    let network = network_name(container);
    let (bindings, published, exposed) = ports(container);
    json!({
        "Id": id,
        "Created": stamp(Some(container.created_at), 0),
        "Path": "/entrypoint",
        "Args": [],
        "State": state(container, calendar, salt),
        "Image": format!("sha256:{}", definition.image_id),
        "ResolvConfPath": format!("{home}/resolv.conf"),
        "HostnamePath": format!("{home}/hostname"),
        "HostsPath": format!("{home}/hosts"),
        "LogPath": format!("{home}/{id}-json.log"),
        "Name": format!("/{}", container.name),
        "RestartCount": container.restarts,
        "Driver": "overlay2", "Platform": "linux", "MountLabel": "", "ProcessLabel": "", "AppArmorProfile": "", "ExecIDs": null,
        "HostConfig": host_config(container, &network, bindings),
        "GraphDriver": {
            "Data": {
                "LowerDir": format!("{layer}-init/diff:{base}/diff"), "MergedDir": format!("{layer}/merged"),
                "UpperDir": format!("{layer}/diff"), "WorkDir": format!("{layer}/work"),
            },
            "Name": "overlay2",
        },
        "Mounts": [],
        "Config": config(container, &exposed),
        "NetworkSettings": network_settings(container, &network, &published),
    })
}

/// The members of it that a client reads who wants to know how a container does.
pub(super) fn in_brief(container: &Container, calendar: Calendar) -> Value {
    let definition = &container.definition;
    let (policy, _) = container.restart_policy.split_once(':').unwrap_or((&container.restart_policy, ""));
    json!({
        "Id": container.id,
        "Name": format!("/{}", container.name),
        "RestartCount": container.restarts,
        "Image": format!("sha256:{}", definition.image_id),
        "State": state(container, calendar, number(&["stamp", &container.id])),
        "HostConfig": {"RestartPolicy": {"Name": policy}},
        "Config": {"Image": host::image_name(&container.project, definition), "Labels": brief_labels(container)},
    })
}

fn brief_labels(container: &Container) -> Value {
    if container.project.is_empty() {
        json!({})
    } else {
        json!({"com.docker.compose.oneoff": "False", "com.docker.compose.service": container.service()})
    }
}

/// What compose leaves at Docker's defaults.
const HOST_CONFIG: &str = r#"{
  "Binds": null, "ContainerIDFile": "", "LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": "", "PortBindings": {},
  "RestartPolicy": {}, "AutoRemove": false, "VolumeDriver": "", "VolumesFrom": null, "ConsoleSize": [0, 0], "CapAdd": null,
  "CapDrop": null, "CgroupnsMode": "host", "Dns": null, "DnsOptions": null, "DnsSearch": null, "ExtraHosts": [], "GroupAdd": null,
  "IpcMode": "private", "Cgroup": "", "Links": null, "OomScoreAdj": 0, "PidMode": "", "Privileged": false, "PublishAllPorts": false,
  "ReadonlyRootfs": false, "SecurityOpt": null, "UTSMode": "", "UsernsMode": "", "ShmSize": 67108864, "Runtime": "runc",
  "Isolation": "", "CpuShares": 0, "Memory": 0, "NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": null,
  "BlkioDeviceReadBps": null, "BlkioDeviceWriteBps": null, "BlkioDeviceReadIOps": null, "BlkioDeviceWriteIOps": null, "CpuPeriod": 0,
  "CpuQuota": 0, "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0, "CpusetCpus": "", "CpusetMems": "", "Devices": null,
  "DeviceCgroupRules": null, "DeviceRequests": null, "MemoryReservation": 0, "MemorySwap": 0, "MemorySwappiness": null,
  "OomKillDisable": false, "PidsLimit": null, "Ulimits": null, "CpuCount": 0, "CpuPercent": 0, "IOMaximumIOps": 0,
  "IOMaximumBandwidth": 0,
  "MaskedPaths": ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                  "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
  "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}"#;

fn host_config(container: &Container, network: &str, bindings: Map<String, Value>) -> Value {
    let (policy, most) = container.restart_policy.split_once(':').unwrap_or((&container.restart_policy, "0"));
    let mut config: Value = serde_json::from_str(HOST_CONFIG).expect("the constant is JSON");
    config["NetworkMode"] = json!(network);
    config["PortBindings"] = Value::Object(bindings);
    config["RestartPolicy"] = json!({"Name": policy, "MaximumRetryCount": most.parse::<u64>().unwrap_or(0)});
    config
}

fn network_settings(container: &Container, network: &str, published: &Map<String, Value>) -> Value {
    let sandbox = container.started_at.map_or_else(String::new, |_| hex64(&["sandbox", &container.id, &container.runs.len().to_string()]));
    json!({
        "Bridge": "", "SandboxID": sandbox,
        "SandboxKey": sandbox.get(..12).map_or_else(String::new, |short| format!("/var/run/docker/netns/{short}")),
        "Ports": published, "HairpinMode": false, "LinkLocalIPv6Address": "", "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": null, "SecondaryIPv6Addresses": null, "EndpointID": "", "Gateway": "", "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0, "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "MacAddress": "",
        "Networks": {network: attachment(container, network)},
    })
}

/// While it waits for its next start, Docker calls a container running and restarting at once (FACTS §7).
fn state(container: &Container, calendar: Calendar, salt: u64) -> Value {
    let lives = matches!(container.state, State::Running | State::Restarting);
    let pid = if container.is_running() { 20_000 + number(&["pid", &container.id, &container.runs.len().to_string()]) % 40_000 } else { 0 };
    let moment = |at: Option<Duration>, more: u64| at.map_or_else(|| NEVER.to_owned(), |at| calendar.nanos(at, salt.wrapping_add(more)));
    let starts = container.runs.len() as u64;
    let mut state = json!({
        "Status": container.state_word(), "Running": lives, "Paused": false, "Restarting": container.state == State::Restarting,
        "OOMKilled": container.oom_killed, "Dead": false, "Pid": pid, "ExitCode": container.exit_code, "Error": "",
        "StartedAt": moment(container.started_at, starts), "FinishedAt": moment(container.finished_at, starts + 1),
    });
    if let Some(health) = &container.health {
        let word = match health.healthy {
            None => "starting",
            Some(true) => "healthy",
            Some(false) => "unhealthy",
        };
        let checks: Vec<Value> = health
            .checks
            .iter()
            .map(|(at, took, passed)| {
                let output = if *passed { "" } else { "curl: (22) The requested URL returned error: 500\n" };
                json!({
                    "Start": calendar.nanos(*at, salt), "End": calendar.nanos(*at + *took, salt),
                    "ExitCode": i32::from(!passed), "Output": output,
                })
            })
            .collect();
        state["Health"] = json!({"Status": word, "FailingStreak": health.failing, "Log": checks});
    }
    state
}

fn config(container: &Container, exposed: &Map<String, Value>) -> Value {
    let definition = &container.definition;
    let env: Vec<String> = definition.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut config = json!({
        "Hostname": container.short_id(), "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": true,
        "AttachStderr": true, "ExposedPorts": exposed, "Tty": false, "OpenStdin": false, "StdinOnce": false,
        "Env": env.into_iter().chain(["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()]).collect::<Vec<_>>(),
        "Cmd": ["/entrypoint"],
    });
    if let Some(test) = &definition.health {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        config["Healthcheck"] = json!({
            "Test": test.command, "Interval": nanos(test.timing.interval), "Timeout": nanos(test.timing.timeout),
            "StartPeriod": nanos(test.timing.start_period), "Retries": test.timing.retries,
        });
    }
    config["Image"] = json!(host::image_name(&container.project, definition));
    config["Volumes"] = Value::Null;
    config["WorkingDir"] = json!("");
    config["Entrypoint"] = Value::Null;
    config["OnBuild"] = Value::Null;
    config["Labels"] = labels(container);
    config
}

fn labels(container: &Container) -> Value {
    let (project, definition) = (&container.project, &container.definition);
    if project.is_empty() {
        return json!({});
    }
    let code = format!("/etc/dokploy/compose/{project}/code");
    let depends_on: Vec<String> = definition
        .depends_on
        .iter()
        .map(|(name, condition)| {
            let condition = match condition {
                Condition::Started => "service_started",
                Condition::Healthy => "service_healthy",
                Condition::Completed => "service_completed_successfully",
            };
            format!("{name}:{condition}:false")
        })
        .collect();
    json!({
        "com.docker.compose.config-hash": definition.hash,
        "com.docker.compose.container-number": "1",
        "com.docker.compose.depends_on": depends_on.join(","),
        "com.docker.compose.image": format!("sha256:{}", definition.image_id),
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.project": project,
        "com.docker.compose.project.config_files": format!("{code}/docker-compose.yml"),
        "com.docker.compose.project.working_dir": code,
        "com.docker.compose.service": definition.name,
        "com.docker.compose.version": "2.26.1",
    })
}

/// `PortBindings`, `Ports` and `ExposedPorts`: the middle one is there only while the container runs.
fn ports(container: &Container) -> (Map<String, Value>, Map<String, Value>, Map<String, Value>) {
    let (mut bindings, mut published, mut exposed) = (Map::new(), Map::new(), Map::new());
    for port in &container.definition.ports {
        let protocol = if port.protocol == Protocol::Tcp { "tcp" } else { "udp" };
        let inside = format!("{}/{protocol}", port.container);
        let address = port.host_ip.map_or_else(String::new, |address| address.to_string());
        let bound: Vec<Value> = port.host.iter().map(|host| json!({"HostIp": address, "HostPort": host.to_string()})).collect();
        exposed.insert(inside.clone(), json!({}));
        if container.is_running() {
            let shown: Vec<Value> = port
                .host
                .iter()
                .map(|host| json!({"HostIp": if address.is_empty() { "0.0.0.0" } else { &address }, "HostPort": host.to_string()}))
                .collect();
            published.insert(inside.clone(), if shown.is_empty() { Value::Null } else { json!(shown) });
        }
        if !bound.is_empty() {
            bindings.insert(inside, json!(bound));
        }
    }
    (bindings, published, exposed)
}

fn network_name(container: &Container) -> String {
    match (container.definition.networks.first(), container.project.as_str()) {
        (Some(name), _) => name.clone(),
        (None, "") => "bridge".to_owned(),
        (None, project) => format!("{project}_default"),
    }
}

fn attachment(container: &Container, network: &str) -> Value {
    let up = container.is_running();
    let text = |shown: String| if up { shown } else { String::new() };
    let host = number(&["address", &container.id]) % 250 + 2;
    json!({
        "IPAMConfig": null, "Links": null,
        "Aliases": [container.name, container.definition.name, container.short_id()],
        "MacAddress": text(format!("02:42:ac:13:00:{host:02x}")), "DriverOpts": null, "GwPriority": 0,
        "NetworkID": hex64(&["network", network]), "EndpointID": text(hex64(&["endpoint", &container.id])),
        "Gateway": text("172.19.0.1".to_owned()), "IPAddress": text(format!("172.19.0.{host}")),
        "IPPrefixLen": if up { 16 } else { 0 }, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "DNSNames": null,
    })
}
