//! Plugins in a real registry: pushed, installed, pinned, and refused where they are not what they should be.

use crate::support::*;
use guildhall_harness::{OciRegistry, REGISTRY_PASSWORD, REGISTRY_USER};
use serde_json::{Value, json};

/// A registry with the first version in it, under the tag `1`.
async fn registry(operator: &Operator) -> (OciRegistry, String, String) {
    let registry = OciRegistry::start(false).await.unwrap();
    let repository = format!("oci://{}/guild/versions", registry.address());
    let pushed = push(operator, "versions-v1", &format!("{repository}:1"));
    (registry, repository, pushed)
}

/// Pushes; answers the manifest's digest.
#[track_caller]
fn push(operator: &Operator, built: &str, to: &str) -> String {
    let said = operator
        .plugin(&["push", plugin(built).to_str().unwrap(), to])
        .well(&["is pushed as", to]);
    let digest = said.out.trim().rsplit_once('@').unwrap().1;
    assert!(digest.starts_with("sha256:"), "{digest}");
    digest.to_owned()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn manifest_url(registry: &OciRegistry, tag: &str) -> String {
    format!("http://{}/v2/guild/versions/manifests/{tag}", registry.address())
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn manifest(registry: &OciRegistry) -> Value {
    let asked = http().get(manifest_url(registry, "1")).header("accept", MANIFEST);
    asked.send().await.unwrap().json().await.unwrap()
}

/// Puts a manifest under another tag.
async fn put(registry: &OciRegistry, tag: &str, manifest: &Value) {
    let put = http().put(manifest_url(registry, tag)).header("content-type", MANIFEST);
    let answer = put.body(manifest.to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_is_installed_with_its_digest() {
    let operator = Operator::new();
    let (registry, repository, pushed) = registry(&operator).await;
    let manifest = manifest(&registry).await;
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    let config = std::fs::read(registry.blob_file(manifest["config"]["digest"].as_str().unwrap())).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(
        (&config["architecture"], &config["os"]),
        (&json!("wasm"), &json!("wasip2"))
    );
    assert_eq!(config["layerDigests"][0], manifest["layers"][0]["digest"]);
    let imports = config["component"]["imports"].as_array().unwrap();
    assert!(
        imports
            .iter()
            .any(|name| name.as_str().unwrap().starts_with("guildhall:plugin/")),
        "{config}"
    );

    let tag = format!("{repository}:1");
    operator
        .plugin(&["install", &tag, "--yes"])
        .well(&[&tag, &pushed, "active in every guild"]);
    let version = operator.installed("versions")["versions"][0].clone();
    assert_eq!(
        version["source"],
        json!({ "kind": "oci", "reference": tag, "manifest": pushed })
    );
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    assert_eq!(format!("sha256:{}", version["digest"].as_str().unwrap()), layer);

    // The tag is moved: what it names now is told, and the pinned one stays what it was.
    let moved = push(&operator, "versions-v2-good", &tag);
    operator.plugin(&["install", &tag]).well(&[
        &format!("was moved: it was the manifest {pushed}, and is {moved} now"),
        "2.0.0",
    ]);
    operator
        .plugin(&["install", &format!("{tag}@{pushed}")])
        .well(&["1.0.0"]);
    assert_eq!(operator.active("versions"), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_a_component_is_named() {
    let operator = Operator::new();
    let (registry, repository, pushed) = registry(&operator).await;
    let sound = manifest(&registry).await;
    let mut other = sound.clone();
    other["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    put(&registry, "an-image", &other).await;
    let mut other = sound.clone();
    other["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
    put(&registry, "a-tar", &other).await;
    let mut other = sound.clone();
    other["layers"][0]["size"] = json!(1_u64 << 40);
    put(&registry, "too-much", &other).await;
    let mut other = sound.clone();
    other["layers"] = json!([sound["layers"][0], sound["layers"][0]]);
    put(&registry, "two-layers", &other).await;
    let nowhere = "0".repeat(64);
    for (reference, complaints) in [
        (format!("{repository}:nothing"), ["is not there", "nothing"]),
        (format!("{repository}s:1"), ["is not there", "versionss:1"]),
        (format!("{repository}@sha256:{nowhere}"), ["is not there", &nowhere]),
        (
            format!("{repository}:an-image"),
            ["not a WebAssembly component", "image.config"],
        ),
        (
            format!("{repository}:a-tar"),
            ["not a WebAssembly component", "layer.v1.tar"],
        ),
        (
            format!("{repository}:two-layers"),
            ["not a WebAssembly component", "2 layers"],
        ),
        (format!("{repository}:too-much"), ["1099511627776 bytes", "at most"]),
        (repository.clone(), ["neither a tag nor a digest", "oci://HOST"]),
        (
            "https://example.org/versions:1".into(),
            ["only oci:// is known", "example.org"],
        ),
        (
            "oci://127.0.0.1:9/guild/versions:1".into(),
            ["127.0.0.1:9 cannot be reached", "refused"],
        ),
        (
            "oci://registry.invalid/guild/versions:1".into(),
            ["registry.invalid cannot be reached", ""],
        ),
    ] {
        operator.plugin(&["install", &reference, "--yes"]).badly(&complaints);
    }
    operator
        .plugin(&[
            "push",
            plugin("versions-v1").to_str().unwrap(),
            &format!("{repository}:1@{pushed}"),
        ])
        .badly(&["only the tag"]);
    let broken = operator.file("broken.wasm", "this is no component");
    operator
        .plugin(&["push", broken.to_str().unwrap(), &format!("{repository}:2")])
        .badly(&["broken.wasm", "not a WebAssembly component"]);
    assert!(operator.component_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_is_refused() {
    let operator = Operator::new();
    let (registry, repository, pushed) = registry(&operator).await;
    let manifest = manifest(&registry).await;
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let file = registry.blob_file(layer);
    let mut wasm = std::fs::read(&file).unwrap();
    let last = wasm.len() - 1;
    wasm[last] ^= 1;
    std::fs::write(&file, wasm).unwrap();
    operator
        .plugin(&["install", &format!("{repository}:1"), "--yes"])
        .badly(&["is not what was asked for", layer, "nothing of it is used"]);
    // A manifest that is not the one of the digest.
    let file = registry.blob_file(&pushed);
    let text = std::fs::read_to_string(&file).unwrap().replace("1.0.0", "1.0.1");
    std::fs::write(&file, text).unwrap();
    operator
        .plugin(&["install", &format!("{repository}@{pushed}"), "--yes"])
        .badly(&[&pushed]);
    assert!(operator.component_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_asks_is_shown_credentials_and_nobody_else_is() {
    let operator = Operator::new();
    let registry = OciRegistry::start(true).await.unwrap();
    let to = format!("oci://{}/guild/versions:1", registry.address());
    let component = plugin("versions-v1");
    let push = ["push", component.to_str().unwrap(), &to];
    operator
        .plugin(&push)
        .badly(&["refuses access", "guild/versions", "GUILDHALL_REGISTRY_USER"]);
    let with = |password: &str, arguments: &[&str]| {
        let mut command = operator.command(arguments);
        command
            .env("GUILDHALL_REGISTRY_USER", REGISTRY_USER)
            .env("GUILDHALL_REGISTRY_PASSWORD", password)
            .env("GUILDHALL_LOG", "trace");
        let said = Said::of(&command.output().unwrap());
        assert!(
            !said.err.contains(password) && !said.out.contains(password),
            "the password is shown"
        );
        said
    };
    let wrong = with("wrong password", &push);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
    assert!(wrong.err.contains("refuses access"), "{}", wrong.err);
    with(REGISTRY_PASSWORD, &push).well(&["is pushed as"]);
    // As `docker login` notes it.
    operator.plugin(&["install", &to, "--yes"]).badly(&["refuses access"]);
    let auth = base64(&format!("{REGISTRY_USER}:{REGISTRY_PASSWORD}"));
    std::fs::create_dir(operator.home().join(".docker")).unwrap();
    let config = json!({ "auths": { registry.address(): { "auth": auth } } });
    operator.file(".docker/config.json", config.to_string());
    operator
        .plugin(&["install", &to, "--yes"])
        .well(&["active in every guild"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_travels_with_its_component() {
    let operator = Operator::new();
    let (_registry, repository, _) = registry(&operator).await;
    let author = operator.plugin(&["keygen", "author.key"]).well(&[]).out;
    let author = author.trim();
    let unsigned = format!("{repository}:1");
    operator
        .plugin(&["install", &unsigned, "--yes", "--signed-by", author])
        .badly(&["not signed"]);
    let signed = format!("{repository}:signed");
    let component = plugin("versions-v1");
    operator
        .plugin(&["push", component.to_str().unwrap(), &signed, "--key", "author.key"])
        .well(&[]);
    operator
        .plugin(&["install", &signed, "--yes", "--signed-by", author])
        .well(&[&format!("signed by  {author}")]);
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
