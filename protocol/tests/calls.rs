//! Single calls and the watch, against nodes that do what a test says, over real connections.

use std::pin::Pin;
use std::sync::Mutex;

use ringmain_protocol::client::{CallConfig, SupervisorClient};
use ringmain_protocol::status::to_status;
use ringmain_protocol::v1::supervisor_service_server::{SupervisorService, SupervisorServiceServer};
use ringmain_protocol::v1::{
    CountCasesRequest, CountCasesResponse, Error, ErrorKind, ExplainContactRequest, ExplainContactResponse,
    ExplainOperatorRequest, ExplainOperatorResponse, GetCaseRequest, GetCaseResponse, GetContactRequest,
    GetContactResponse, GetEnquiryRequest, GetEnquiryResponse, ListCasesRequest, ListCasesResponse,
    ListContactsRequest, ListContactsResponse, ListEnquiriesRequest, ListEnquiriesResponse,
    ListEventsRequest, ListEventsResponse, ListOperatorsRequest, ListOperatorsResponse, ListQueuesRequest,
    ListQueuesResponse, Queue, WatchEventsRequest, WatchEventsResponse,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

#[tokio::test]
async fn a_node_that_cannot_serve_is_passed_over() {
    let readonly = node("a", Err(error(ErrorKind::Unavailable, "read-only"))).await;
    let able = node("b", Ok(())).await;
    let client = client(vec!["127.0.0.1:1".to_owned(), readonly, able]);
    let task = tokio_task(async move { client.list_queues(ListQueuesRequest::default()).await });
    let queues = task.await.expect("the task lives").expect("answered").queues;
    assert_eq!(queues[0].name, "b");
}

#[tokio::test]
async fn a_final_error_is_reported_at_once_and_whole() {
    let refusing = node("a", Err(error(ErrorKind::Unauthorized, "permission-denied"))).await;
    let able = node("b", Ok(())).await;
    let client = client(vec![refusing, able]);
    let failed = client.list_queues(ListQueuesRequest::default()).await.expect_err("refused");
    assert_eq!(*failed.0, error(ErrorKind::Unauthorized, "permission-denied"));
}

#[tokio::test]
async fn a_watch_goes_on_behind_its_cursor_when_its_node_is_lost() {
    let (a, b) = (node("a", Ok(())).await, node("b", Ok(())).await);
    let mut watch = client(vec![a, b]).watch_events("", None);
    let mut cursors = Vec::new();
    for _ in 0..4 {
        cursors.push(watch.next().await.expect("goes on").cursor);
    }
    assert_eq!(cursors, [">a", ">a>a", ">a>a>b", ">a>a>b>b"]);
    assert_eq!(watch.cursor(), ">a>a>b>b");
}

fn client(addresses: Vec<String>) -> SupervisorClient {
    SupervisorClient::new(&CallConfig::new(addresses, "secret")).expect("a good configuration")
}

fn error(kind: ErrorKind, code: &str) -> Error {
    Error { kind: kind.into(), code: code.to_owned(), ..Error::default() }
}

async fn node(name: &'static str, answer: Result<(), Error>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let service = SupervisorServiceServer::new(Supervisor { name, answer: Mutex::new(answer) });
    let server = tonic::transport::Server::builder().add_service(service);
    tokio_task(async move {
        server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves");
    });
    address
}

#[expect(clippy::disallowed_methods, reason = "a test waits for its tasks")]
fn tokio_task<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

/// Names itself as its only queue; a watch gets two messages, whose cursors tell the way that led there.
struct Supervisor {
    name: &'static str,
    answer: Mutex<Result<(), Error>>,
}

type Watch = Pin<Box<dyn tokio_stream::Stream<Item = Result<WatchEventsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl SupervisorService for Supervisor {
    type WatchEventsStream = Watch;

    async fn list_queues(
        &self,
        request: Request<ListQueuesRequest>,
    ) -> Result<Response<ListQueuesResponse>, Status> {
        assert_eq!(request.metadata().get("authorization").expect("a token"), "Bearer secret");
        self.answer.lock().expect("no panic").clone().map_err(|error| to_status(&error))?;
        let queue = Queue { name: self.name.to_owned(), ..Queue::default() };
        Ok(Response::new(ListQueuesResponse { queues: vec![queue], ..Default::default() }))
    }

    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Result<Response<Watch>, Status> {
        let cursor = request.into_inner().cursor;
        let step = format!(">{}", self.name);
        let responses = [format!("{cursor}{step}"), format!("{cursor}{step}{step}")]
            .map(|cursor| Ok(WatchEventsResponse { cursor, ..Default::default() }));
        Ok(Response::new(Box::pin(tokio_stream::iter(responses))))
    }

    async fn list_operators(
        &self,
        _: Request<ListOperatorsRequest>,
    ) -> Result<Response<ListOperatorsResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_contacts(
        &self,
        _: Request<ListContactsRequest>,
    ) -> Result<Response<ListContactsResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_contact(
        &self,
        _: Request<GetContactRequest>,
    ) -> Result<Response<GetContactResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_cases(&self, _: Request<ListCasesRequest>) -> Result<Response<ListCasesResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_case(&self, _: Request<GetCaseRequest>) -> Result<Response<GetCaseResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_enquiries(
        &self,
        _: Request<ListEnquiriesRequest>,
    ) -> Result<Response<ListEnquiriesResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_enquiry(
        &self,
        _: Request<GetEnquiryRequest>,
    ) -> Result<Response<GetEnquiryResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn count_cases(
        &self,
        _: Request<CountCasesRequest>,
    ) -> Result<Response<CountCasesResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn explain_contact(
        &self,
        _: Request<ExplainContactRequest>,
    ) -> Result<Response<ExplainContactResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn explain_operator(
        &self,
        _: Request<ExplainOperatorRequest>,
    ) -> Result<Response<ExplainOperatorResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_events(
        &self,
        _: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}
