"use strict";

/* What the example pages have in common. Each of them says what its TRANSPORT is, and has the functions connect,
   disconnect and beforehand, which prepares for events of another type. */

const GATEWAY = "/_rig/v1";
const byId = (id) => document.getElementById(id);

let connectionToken = null;

/** Shows an event, and keeps what the gateway says about the connection. */
function receive(event) {
  if (event.type === "rig.connection.create") connectionToken = event.data.connection_token;
  if (event.type === "rig.subscriptions_set") showSubscriptions(event.data);
  const item = document.createElement("li");
  item.textContent = event.type === "chatroom_message"
    ? `${event.data.name} in ${event.data.room}: ${event.data.message}`
    : `${event.type} ${JSON.stringify(event.data ?? null)}`;
  if (event.type.startsWith("rig.")) item.className = "own";
  byId("received").append(item);
  item.scrollIntoView({ block: "nearest" });
}

function showSubscriptions(list) {
  const shown = list.map((one) => one.eventType + (one.oneOf.length ? " " + JSON.stringify(one.oneOf) : ""));
  byId("subscribed").textContent = shown.join(", ") || "nothing";
}

function show(state, notice = "") {
  byId("state").textContent = state;
  byId("notice").textContent = notice;
}

/** Replaces the subscriptions of the connection. With the token, what follows from its claims stays. */
async function subscribe() {
  if (!connectionToken) return show(byId("state").textContent, "Connect first.");
  const subscription = { eventType: byId("type").value };
  if (byId("only-room").value) subscription.oneOf = [{ room: byId("only-room").value }];
  const headers = { "content-type": "application/json" };
  if (byId("token").value) headers.authorization = `Bearer ${byId("token").value}`;
  const answer = await fetch(`${GATEWAY}/connection/${TRANSPORT}/${connectionToken}/subscriptions`, {
    method: "PUT", headers, body: JSON.stringify({ subscriptions: [subscription] }),
  });
  if (!answer.ok) show(byId("state").textContent, await answer.text());
  else beforehand(subscription.eventType);
}

/** Submits an event, as any client or back end may. */
async function publish() {
  const answer = await fetch(`${GATEWAY}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      specversion: "0.2",
      type: "chatroom_message",
      source: location.pathname,
      id: `${Date.now()}-${Math.random()}`,
      time: new Date().toISOString(),
      data: { name: byId("name").value, room: byId("room").value, message: byId("message").value },
    }),
  });
  if (answer.status !== 202) show(byId("state").textContent, await answer.text());
}

async function getToken() {
  const answer = await fetch("/examples/token");
  byId("token").value = answer.ok ? (await answer.text()).trim() : "";
  showRevokeCommand();
}

/** The session is in the token's claims, where JWT_SESSION_FIELD says. */
function showRevokeCommand() {
  const claims = byId("token").value.split(".")[1];
  if (!claims) return;
  const { jti } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
  const body = JSON.stringify({ sessionId: jti, validityInSeconds: 86400 });
  byId("revoke-command").textContent =
    `curl -H 'content-type: application/json' http://127.0.0.1:4010/v3/session-blacklist -d '${body}'`;
}

async function logOut() {
  const headers = { authorization: `Bearer ${byId("token").value}` };
  const answer = await fetch("/examples/logout", { method: "POST", headers });
  if (!answer.ok) show(byId("state").textContent, await answer.text());
}

function whenSubmitted(form, action) {
  byId(form).addEventListener("submit", (submit) => {
    submit.preventDefault();
    attempt(action);
  });
}

function whenClicked(button, action) {
  byId(button).addEventListener("click", () => attempt(action));
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    show(byId("state").textContent, String(error));
  }
}

/** Called by a page when its own script is there. */
function begin() {
  whenSubmitted("connect-form", connect);
  whenSubmitted("subscribe-form", subscribe);
  whenSubmitted("publish-form", publish);
  whenClicked("disconnect", disconnect);
  whenClicked("get-token", getToken);
  whenClicked("log-out", logOut);
  whenClicked("clear", () => byId("received").replaceChildren());
  byId("token").addEventListener("change", () => attempt(showRevokeCommand));
}
