//! Opening and closing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use spanmill_net::Spare;

use super::{OtlpReceiver, Recorder, Server, both, id, request};

fn blocked() -> Arc<Recorder> {
    let mut recorder = Recorder::new(None);
    Arc::get_mut(&mut recorder).unwrap().turns = Semaphore::new(0);
    recorder
}

fn post(url: String) -> tokio::task::JoinHandle<Result<StatusCode, String>> {
    tokio::spawn(async move {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::post(format!("{url}/v1/traces"))
            .header("content-type", "application/x-protobuf")
            .body(Full::new(request("a")))
            .unwrap();
        match client.request(request).await {
            Ok(response) => Ok(response.status()),
            Err(error) => Err(error.to_string()),
        }
    })
}

#[tokio::test]
async fn a_taken_port_is_said_so() {
    let first = OtlpReceiver::bind(&id(), &both("127.0.0.1:0"), &mut Spare::default())
        .await
        .unwrap();
    let taken = first.grpc_address().unwrap().to_string();
    let error = OtlpReceiver::bind(&id(), &both(&taken), &mut Spare::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "receiver otlp/test: {taken} is in use already; stop what listens there, or set another endpoint (port 0 takes a free one)"
        )
    );
    let error = OtlpReceiver::bind(&id(), &both("192.0.2.1:1"), &mut Spare::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("receiver otlp/test: cannot listen on 192.0.2.1:1: "),
        "{error}"
    );
}

#[tokio::test]
async fn localhost_is_found_by_its_usual_address() {
    let receiver = OtlpReceiver::bind(&id(), &both("localhost:0"), &mut Spare::default())
        .await
        .unwrap();
    assert!(receiver.grpc_address().unwrap().ip().is_loopback());
    assert!(receiver.grpc_address().unwrap().is_ipv4());
}

#[tokio::test]
async fn requests_in_flight_are_finished() {
    let server = Server::start(blocked()).await;
    let in_flight = post(server.http.clone());
    server.recorder.arrived.acquire().await.unwrap().forget();
    server.shutdown.cancel();
    server.recorder.turns.add_permits(1);
    assert_eq!(in_flight.await.unwrap(), Ok(StatusCode::OK));
    let http = server.http.clone();
    server.stop().await;
    assert!(post(http).await.unwrap().is_err());
}

#[tokio::test]
async fn waiting_for_them_has_an_end() {
    let receiver = OtlpReceiver::bind(&id(), &both("localhost:0"), &mut Spare::default())
        .await
        .unwrap();
    let url = format!("http://{}", receiver.http_address().unwrap());
    let recorder = blocked();
    let shutdown = CancellationToken::new();
    let grace = Duration::from_millis(50);
    let serving = tokio::spawn(receiver.serve(recorder.clone(), shutdown.clone(), grace));
    let in_flight = post(url);
    recorder.arrived.acquire().await.unwrap().forget();
    shutdown.cancel();
    assert_eq!(serving.await.unwrap(), 1);
    assert!(in_flight.await.unwrap().is_err());
    assert_eq!(recorder.taken(), Vec::<Bytes>::new());
}
