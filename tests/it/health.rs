//! `GET /healthz` and `GET /readyz`.

use crate::support::app::TestApp;

#[tokio::test]
async fn health_checks_need_no_key() {
    let app = TestApp::start().await;
    assert_eq!(app.stranger().get("/healthz").await.expect(200)["status"], "ok");
    assert_eq!(app.stranger().get("/readyz").await.expect(200)["status"], "ready");
}
