//! Who may use the admin API, where it listens, and what the command line says where it gets no further.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::Method;
use spanmill_tests::{Output, Spanmill, admin_token, guest, http, spanmill, spanmill_with};

/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";
const TOKEN: &str = "2f6b0c-a.secret";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_wanted_where_there_is_one() {
    let manifest = alone(&format!("{{endpoint: \"127.0.0.1:0\", token: {TOKEN}}}"));
    let running = start(&manifest, &[]).await;
    let address = running.address("admin http");
    for (token, part) in [
        (None, Some("wants a token; set SPANMILL_ADMIN_TOKEN")),
        (
            Some("wrong"),
            Some("does not take this token; set SPANMILL_ADMIN_TOKEN"),
        ),
        (Some(TOKEN), None),
    ] {
        let output = with_token(address, token).await;
        assert_eq!(
            output.code,
            Some(i32::from(part.is_some())),
            "{}",
            output.stderr
        );
        let part = part.unwrap_or_default();
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
    let reply = http(address, Method::GET, "/v1/plugins", &[], "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("www-authenticate")),
        (401, "Bearer")
    );
    // Who shows it need not come from this machine.
    let authorization = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("origin", "http://a.example"),
    ];
    let reply = http(address, Method::GET, "/v1/plugins", &headers, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let ended = running.stop().await;
    assert!(!ended.log.join("\n").contains(TOKEN));
}

/// `spanmill plugin status` with a token in the environment or without one.
async fn with_token(address: SocketAddr, token: Option<&str>) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let set = std::env::var_os("SPANMILL_BINARY").map(PathBuf::from);
    let binary = set.unwrap_or_else(|| PathBuf::from(root).join("target/release/spanmill"));
    let mut command = Command::new(binary);
    command.args(["plugin", "--admin", &address.to_string(), "status"]);
    match token {
        Some(token) => command.env("SPANMILL_ADMIN_TOKEN", token),
        None => command.env_remove("SPANMILL_ADMIN_TOKEN"),
    };
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = spanmill_tests::within("an answer", output).await;
    let output = output.unwrap().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test]
async fn others_do_not_get_in_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("bad.yaml"), text).unwrap();
    for endpoint in ["0.0.0.0:0", "[::]:0", "203.0.113.1:4319"] {
        write(&alone(&format!("{{endpoint: \"{endpoint}\"}}")));
        for command in ["validate", "run"] {
            let output = spanmill(folder.path(), &[command, "--config", "bad.yaml"]).await;
            assert_eq!(output.code, Some(1), "{}", output.stderr);
            for part in [
                "bad.yaml:1:19",
                "there is no token",
                "help: add `token: ${env:",
            ] {
                assert!(
                    output.stderr.contains(part),
                    "no {part} in:\n{}",
                    output.stderr
                );
            }
        }
    }
    // The command line is no way around it.
    write(&alone("{}"));
    let arguments = ["run", "--config", "bad.yaml", "--admin", "0.0.0.0:0"];
    let output = spanmill(folder.path(), &arguments).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stderr.contains("no token is set"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn a_token_that_could_not_be_shown_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("bad.yaml"), text).unwrap();
    for token in ["'two words'", "''"] {
        write(&alone(&format!("{{token: {token}}}")));
        for command in ["validate", "run"] {
            let output = spanmill(folder.path(), &[command, "--config", "bad.yaml"]).await;
            assert_eq!(output.code, Some(1), "{command} {token}: {}", output.stdout);
            assert!(output.stderr.contains("token"), "{}", output.stderr);
        }
    }
}

/// By default: a socket that the same user's commands find, and nobody else can use.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_there_is_a_socket_of_the_users_own() {
    let run = tempfile::tempdir().unwrap();
    let run_dir = run.path().display().to_string();
    let environment = [
        ("SPANMILL_ADMIN", ""),
        ("XDG_RUNTIME_DIR", run_dir.as_str()),
    ];
    let start = || async {
        let folder = tempfile::tempdir().unwrap();
        Spanmill::start_with(folder, Some(&alone("{}")), &[], &environment).await
    };
    let status = || spanmill_with(run.path(), &["plugin", "--json", "status"], &environment);
    let nobody = status().await;
    assert_eq!(nobody.code, Some(1), "{}", nobody.stdout);
    assert!(
        nobody.stderr.contains("no `spanmill run` of this user"),
        "{}",
        nobody.stderr
    );
    let first = start().await;
    let socket = run
        .path()
        .join(format!("spanmill/admin-{}.sock", first.process()));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&run.path().join("spanmill")), mode(&socket)),
        (0o700, 0o600)
    );
    let found = status().await;
    assert_eq!(
        (found.code, found.stdout.trim()),
        (Some(0), "[]"),
        "{}",
        found.stderr
    );
    // With two of them it must be said which.
    let second = start().await;
    let several = status().await;
    assert_eq!(several.code, Some(1), "{}", several.stdout);
    for process in [first.process(), second.process()] {
        let name = format!("admin-{process}.sock");
        assert!(several.stderr.contains(&name), "{}", several.stderr);
    }
    let which = format!("unix:{}", socket.display());
    let arguments = ["plugin", "--admin", &which, "reload"];
    let named = spanmill_with(run.path(), &arguments, &environment).await;
    assert_eq!(named.code, Some(0), "{}", named.stderr);
    first.stop().await;
    assert!(!socket.exists());
    assert_eq!(status().await.code, Some(0));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_needs_a_token_which_the_users_commands_find() {
    let running = start(&alone("{}"), &[]).await;
    let address = running.address("admin http");
    assert!(address.ip().is_loopback());
    let token = admin_token(address);
    assert_eq!(token.len(), 64);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(
        "../target/tmp/run/spanmill/admin-{}.token",
        address.port()
    ));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A local user, and a web page in somebody's browser.
    for headers in [
        &[][..],
        &[("origin", "http://evil.example"), ("host", "evil.example")],
    ] {
        let reply = http(address, Method::POST, "/v1/reload", headers, "").await;
        assert_eq!(reply.status, 401, "{}", reply.text());
    }
    let told = running.logged("without the right token").await;
    assert!(told.contains("127.0.0.1"), "{told}");
    let arguments = ["plugin", "--admin", &address.to_string(), "reload"];
    let output = spanmill(running.folder(), &arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let ended = running.stop().await;
    assert!(!ended.log.join("\n").contains(&token));
    assert!(!path.exists(), "a token that opens nothing any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_can_have_a_path_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let endpoint = format!("unix:{}", path.display());
    let manifest = alone(&format!("{{endpoint: \"{endpoint}\"}}"));
    let environment = [("SPANMILL_ADMIN", "")];
    let folder = tempfile::tempdir().unwrap();
    let running = Spanmill::start_with(folder, Some(&manifest), &[], &environment).await;
    let arguments = ["plugin", "--admin", &endpoint, "status"];
    let output = spanmill(running.folder(), &arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    running.stop().await;
    assert!(!path.exists());
    let folder = tempfile::tempdir().unwrap();
    let bad = alone("{endpoint: \"unix:admin.sock\"}");
    std::fs::write(folder.path().join("bad.yaml"), bad).unwrap();
    let output = spanmill(folder.path(), &["validate", "--config", "bad.yaml"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(
        output.stderr.contains("begins with a slash"),
        "{}",
        output.stderr
    );
}

/// A port that is held here: who tries to listen on it fails.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_if_it_is_turned_off() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let off = alone(&format!("{{enabled: false, endpoint: \"{taken}\"}}"));
    let on = alone(&format!("{{endpoint: \"{taken}\"}}"));
    for (manifest, arguments) in [
        (&off, &["--admin", &taken][..]),
        (&off, &[]),
        (&on, &["--admin", "off"]),
    ] {
        let running = start(manifest, arguments).await;
        let log = running.log().join("\n");
        assert!(
            !log.contains("admin http") && !log.contains("admin socket"),
            "{log}"
        );
        running.stop().await;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("on.yaml"), &on).unwrap();
    let arguments = ["run", "--config", "on.yaml", "--admin", &taken];
    let output = spanmill(folder.path(), &arguments).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains(&taken), "{}", output.stderr);
}

#[tokio::test]
async fn where_nobody_listens_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = guest("hostile").display().to_string();
    for command in [
        &["status"][..],
        &["swap", "filter", &wasm],
        &["shadow", "filter", &wasm],
        &["promote", "filter"],
        &["reload"],
        &["events"],
    ] {
        let mut arguments = vec!["plugin", "--admin", NOWHERE];
        arguments.extend(command);
        let output = spanmill(folder.path(), &arguments).await;
        assert_eq!(output.code, Some(1), "{command:?}");
        assert_eq!(output.stdout, "");
        for part in ["nothing listens at 127.0.0.1:1", "spanmill run", "--admin"] {
            assert!(
                output.stderr.contains(part),
                "{command:?}: {}",
                output.stderr
            );
        }
    }
    let output = spanmill(folder.path(), &["plugin", "--admin", "here", "status"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("host:port"), "{}", output.stderr);
}

/// A manifest that needs nobody else, with a section `admin`.
fn alone(admin: &str) -> String {
    format!(
        r#"admin: {admin}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  debug:
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug]}}
"#
    )
}

async fn start(manifest: &str, arguments: &[&str]) -> Spanmill {
    Spanmill::start_in(tempfile::tempdir().unwrap(), Some(manifest), arguments).await
}
