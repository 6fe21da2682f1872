//! What `rig demo` prints: commands to paste. Deliberately absent: running them.

/// The event of the tutorial; subscribers of its type, or of its room, receive it.
pub(super) const CHAT_MESSAGE: &str = r#"{"specversion":"0.2","type":"chatroom_message","source":"curl","id":"1","data":{"name":"Ann","room":"lobby","message":"Hello!"}}"#;

/// A definition to add, of the back end at this port.
pub(super) fn definition(back_end: u16) -> String {
    const MINE: &str = r#"{"id":"mine","name":"mine","version_data":{"default":{"endpoints":[{"id":"greet","method":"GET","path_regex":"/greet/(.+)","path_replacement":"/hello?name=\\1"}]}},"proxy":{"target_url":"127.0.0.1","port":PORT}}"#;
    MINE.replace("PORT", &back_end.to_string())
}

/// The commands, for these addresses of the proxy and of the management API.
pub(super) fn leaflet(inbound: &str, api: &str, back_end: u16, token: &str) -> String {
    format!(
        "{}{}\n\nCtrl-C stops the demo.",
        requests(inbound, api, back_end, token),
        events(inbound, api, token)
    )
}

fn requests(inbound: &str, api: &str, back_end: u16, token: &str) -> String {
    let definition = definition(back_end);
    format!(
        r#"
The gateway proxies on http://{inbound} and is managed on http://{api}. Try, in another terminal:

# a request through the gateway; the back end tells what it saw
curl -i http://{inbound}/hello

# its path is rewritten and a header is added on the way
curl http://{inbound}/shops/berlin/items/42

# an upload and an endless stream, both passed on as they come
head -c 100000000 /dev/zero | curl -T - -X POST http://{inbound}/upload
curl -N http://{inbound}/stream

# a back end that is too slow for the endpoint's time limit: 504
curl -i http://{inbound}/slow

# an endpoint that wants a token: 401 without, 200 with it
curl -i http://{inbound}/till
curl -i -H 'Authorization: Bearer {token}' http://{inbound}/till

# add an API while the gateway runs, use it, see its version, remove it
curl -i -H 'content-type: application/json' http://{api}/v3/apis -d '{definition}'
curl http://{inbound}/greet/you
curl -i http://{api}/v3/apis/mine
curl -i -X DELETE http://{api}/v3/apis/mine

# which endpoint would answer, and what would be sent? (nothing is sent)
curl -H 'content-type: application/json' http://{api}/v3/probe -d '{{"method":"GET","path":"/shops/berlin/items/42"}}'

# the API's documentation for a browser, and the metrics
http://{api}/swagger-ui
curl http://{api}/metrics
"#
    )
}

/// A list of subscriptions, as a query parameter: the type `chatroom_message`.
const SUBSCRIPTIONS: &str = "%5B%7B%22eventType%22%3A%22chatroom_message%22%7D%5D";

fn events(inbound: &str, api: &str, token: &str) -> String {
    format!(
        r#"
# events: a page for each transport, in a browser
http://{inbound}/examples/sse.html
http://{inbound}/examples/websocket.html
http://{inbound}/examples/longpolling.html

# the same by hand: subscribe and receive, and leave it running ...
curl -N 'http://{inbound}/_rig/v1/connection/sse?subscriptions={SUBSCRIPTIONS}&jwt={token}'

# ... publish an event, in another terminal: it appears in the first one
curl -i -H 'content-type: application/json' http://{inbound}/_rig/v1/events -d '{CHAT_MESSAGE}'

# subscribe to something else; the token is in the stream's first event
TOKEN=...
curl -i -X PUT -H 'content-type: application/json' http://{inbound}/_rig/v1/connection/sse/$TOKEN/subscriptions \
  -d '{{"subscriptions":[{{"eventType":"chatroom_message","oneOf":[{{"room":"kitchen"}}]}}]}}'

# revoke the session of the JWT: the stream ends, and the JWT is refused from now on
curl -i -H 'content-type: application/json' http://{api}/v3/session-blacklist -d '{{"sessionId":"{session}","validityInSeconds":3600}}'"#,
        session = super::DEMO_SESSION,
    )
}
