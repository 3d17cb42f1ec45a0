package com.example.eventservice.event;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Executors;

/** Answers in the order that a test lays down, for what the real service can't be made to answer. */
final class StubFanfare {

    /** A request as it came. */
    record Asked(String line, String idempotencyKey, String authorization, String prefer, String body) {
    }

    private record Answer(int status, String type, String retryAfter, String body) {
    }

    private final HttpServer server;
    private final Queue<Answer> answers = new ArrayDeque<>();
    private final List<Asked> asked = new ArrayList<>();

    StubFanfare() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        server.setExecutor(Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        }));
        server.createContext("/", this::handle);
        server.start();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    synchronized List<Asked> asked() {
        return List.copyOf(asked);
    }

    synchronized void reset() {
        answers.clear();
        asked.clear();
    }

    /** The request arrives, the answer never comes. */
    StubFanfare silence() {
        return next(new Answer(0, null, null, ""));
    }

    StubFanfare json(int status, String body) {
        return next(new Answer(status, "application/json", null, body));
    }

    StubFanfare html(int status) {
        return next(new Answer(status, "text/html", null, "<h1>proxy</h1>"));
    }

    StubFanfare problem(int status, String code, String retryAfter) {
        String body = """
                {"type": "urn:fanfare:problem:%s", "title": "No", "status": %d, "code": "%s", "detail": "No.", "traceId": "1"}""";
        return next(new Answer(status, "application/problem+json", retryAfter, body.formatted(code, status, code)));
    }

    private synchronized StubFanfare next(Answer answer) {
        answers.add(answer);
        return this;
    }

    private void handle(HttpExchange exchange) throws IOException {
        Answer answer = answerTo(exchange);
        if (answer.status() == 0) {
            return;
        }
        var headers = exchange.getResponseHeaders();
        headers.set("Content-Type", answer.type());
        if (answer.retryAfter() != null) {
            headers.set("Retry-After", answer.retryAfter());
        }
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(answer.status(), body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private synchronized Answer answerTo(HttpExchange exchange) throws IOException {
        var headers = exchange.getRequestHeaders();
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        asked.add(new Asked(exchange.getRequestMethod() + " " + exchange.getRequestURI(), headers.getFirst("Idempotency-Key"),
                headers.getFirst("Authorization"), headers.getFirst("Prefer"), body));
        return answers.isEmpty() ? new Answer(501, "text/plain", null, "The test laid down no answer.") : answers.remove();
    }
}
