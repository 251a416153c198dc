//! The physical limit: the same bytes for everybody, by the same HTTP server with as many threads.

use std::io::Read as _;
use std::path::PathBuf;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, rt};
use clap::Args;

use crate::Outcome;
use crate::child::tell;
use crate::serve::Listening;

#[derive(Args)]
pub(crate) struct FixedArgs {
    /// The bytes that every request is answered with
    file: PathBuf,
}

/// Answers until standard input ends.
pub(crate) fn run(arguments: &FixedArgs) -> Outcome<()> {
    let answer = Data::new(Bytes::from(std::fs::read(&arguments.file)?));
    rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&answer))
                .default_service(web::to(fixed))
        })
        .bind(("127.0.0.1", 0))?;
        let address = server.addrs().first().copied().ok_or("no address")?;
        let running = server.run();
        let handle = running.handle();
        std::thread::spawn(move || {
            // Nothing comes; the end does.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            rt::System::new().block_on(handle.stop(false));
        });
        tell(&Listening {
            address,
            seconds: 0.0,
        })?;
        Ok(running.await?)
    })
}

/// Reads the request whole, as whoever answers it has to.
async fn fixed(_request: Bytes, answer: Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(Bytes::clone(&answer))
}
