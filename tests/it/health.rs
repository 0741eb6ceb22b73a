//! `GET /healthz` and `GET /readyz`.

use crate::support::app::TestApp;

#[tokio::test]
async fn answers_without_a_key() {
    let app = TestApp::start().await;
    assert_eq!(app.stranger().get("/healthz").await.expect(200)["status"], "ok");
    assert_eq!(app.stranger().get("/readyz").await.expect(200)["status"], "ready");
}
