//! The AWS SDK for Rust, as programs on a node use it.
use aws_config::imds::client::error::ImdsError;
use aws_config::imds::client::Client;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::Builder;
use serde_json::{json, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = Builder::new().build_http();
    let config = ProviderConfig::default().with_http_client(http);
    let client = Client::builder().configure(&config).build();
    let region = ImdsRegionProvider::builder().configure(&config).build();
    let role = ImdsCredentialsProvider::builder().configure(&config).build();
    let report = json!({
        "region": region.region().await.map(|found| found.to_string()),
        "zone": ask(&client, "meta-data/placement/availability-zone").await,
        "document": document(&client).await,
        "role": ask(&client, "meta-data/iam/security-credentials/").await,
        "credentials": match role.provide_credentials().await {
            Ok(found) => json!({
                "access_key": found.access_key_id(),
                "secret_key": found.secret_access_key(),
                "token": found.session_token(),
            }),
            Err(error) => json!(error.to_string()),
        },
        "missing": ask(&client, "meta-data/no/such/path").await,
    });
    println!("{report}");
}

async fn ask(client: &Client, path: &str) -> Value {
    match client.get(format!("/latest/{path}")).await {
        Ok(found) => json!(found.as_ref()),
        Err(ImdsError::ErrorResponse(error)) => {
            json!({ "status": error.response().status().as_u16() })
        }
        Err(error) => json!(error.to_string()),
    }
}

async fn document(client: &Client) -> Value {
    let found = ask(client, "dynamic/instance-identity/document").await;
    found.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(found)
}
