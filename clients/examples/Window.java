import java.net.URI;
import java.net.http.*;
import java.util.*;
import java.util.regex.*;

/**
 * A window's transaction with Java 11 alone: reads the card, captures the paper, files it, lists what is on file.
 * WINDOW_TOKEN is a token with the scopes card, capture, archive:write and archive:read. Ends with 3 where no card lies there.
 */
public class Window {
    static final String ADDRESS = System.getenv().getOrDefault("WINDOW_ADDRESS", "http://127.0.0.1:18680");
    // The service is on this PC: no proxy has to do with it.
    static final HttpClient CLIENT = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

    /** What the service refuses: the code is stable, title and remedy are for the clerk. */
    static class Problem extends Exception {
        final String code;

        Problem(String document) {
            super(text(document, "title") + " " + text(document, "remedy") + " [" + text(document, "code") + "]");
            code = text(document, "code");
        }
    }

    /** The first text of this name. A real program has a JSON library for it. */
    static String text(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return found.find() ? found.group(1) : null;
    }

    /** The answer. A changing call has its own Idempotency-Key: sent again under it, it is still carried out once. */
    static String call(String method, String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(ADDRESS + path))
            .headers("Authorization", "Bearer " + System.getenv("WINDOW_TOKEN"), "Accept-Language", "en",
                "Content-Type", "application/json", "Idempotency-Key", UUID.randomUUID().toString(), "Yidang-Operator", "clerk-07")
            .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() >= 400) throw new Problem(response.body());
        return response.body();
    }

    public static void main(String[] arguments) throws Exception {
        try {
            String holder = text(call("POST", "/v1/card/read", "{\"wait_ms\": 500}"), "holder");
            String paper = text(call("POST", "/v1/captures", "{\"holder\": \"" + holder + "\"}"), "id");
            String material = call("POST", "/v1/materials", String.format(
                "{\"holders\": [\"%s\"], \"kind\": \"form\", \"captures\": [\"%s\"], \"case\": \"K1\"}", holder, paper));
            System.out.println((material.contains("\"duplicate\":true") ? "on file already " : "filed ") + text(material, "id"));
            String list = call("GET", "/v1/holders/" + holder + "/materials", null);
            for (String one : list.split("(?=\\{\"id\":)")) if (text(one, "kind") != null) System.out.println("on file: " + text(one, "kind") + " " + text(one, "id"));
        } catch (Problem problem) {
            System.err.println(problem.getMessage());
            System.exit(problem.code.equals("card_absent") ? 3 : 1);
        } catch (java.io.IOException error) {
            System.err.println("the service does not answer at " + ADDRESS + ": is it running? (" + error + ")");
            System.exit(1);
        }
    }
}
