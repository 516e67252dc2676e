// A small sync client of one file for Java 17 and later, without libraries: java Sync.java
// It is configured by MOCKEHR_SITES, MOCKEHR_OUTPUT and MOCKEHR_<SITE>_* as `mockehr check --variables` explains.
// SYNC_BUG plants one bug: `keeps-dead-token`, `ignores-retry-after` or `keeps-repeats`.

import java.math.BigInteger;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.RSAPrivateCrtKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

public class Sync {
    static final String BUG = told("SYNC_BUG");
    static final int TRIES = 12;
    static final List<String> KINDS = List.of("Encounter", "Condition");

    final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(10)).build();
    final String prefix;
    String token = "";

    Sync(String site) {
        prefix = "MOCKEHR_" + site.toUpperCase().replace('-', '_') + "_";
    }

    public static void main(String[] arguments) throws Exception {
        Path output = Files.createDirectories(Path.of(told("MOCKEHR_OUTPUT")));
        for (String site : told("MOCKEHR_SITES").split(",")) {
            List<String> lines = new Sync(site).sync().stream().map(Json::text).collect(Collectors.toList());
            Files.write(output.resolve(site + ".ndjson"), lines, StandardCharsets.UTF_8);
        }
    }

    static String told(String name) {
        return System.getenv().getOrDefault(name, "");
    }

    String own(String name) {
        return told(prefix + name);
    }

    List<Map<String, Object>> sync() throws Exception {
        List<Map<String, Object>> kept = new ArrayList<>();
        Set<String> known = new HashSet<>();
        for (String id : own("PATIENTS").split(",")) {
            keep(get(own("FHIR_URL") + "/Patient/" + id), "Patient", kept, known);
            for (String kind : KINDS) {
                String url = own("FHIR_URL") + "/" + kind + "?patient=" + id + "&_count=5";
                while (url != null) {
                    Map<String, Object> page = get(url);
                    url = null;
                    for (Map<String, Object> entry : Json.objects(page, "entry")) {
                        keep(Json.object(entry.get("resource")), kind, kept, known);
                    }
                    for (Map<String, Object> link : Json.objects(page, "link")) {
                        url = "next".equals(link.get("relation")) ? (String) link.get("url") : url;
                    }
                }
            }
        }
        return kept;
    }

    static void keep(Map<String, Object> one, String kind, List<Map<String, Object>> kept, Set<String> known) {
        if (one == null || !kind.equals(one.get("resourceType"))) {
            return;
        }
        if (known.add(kind + "/" + one.get("id")) || BUG.equals("keeps-repeats")) {
            kept.add(one);
        }
    }

    Map<String, Object> get(String url) throws Exception {
        boolean renewed = false;
        for (int tried = 0; tried < TRIES; tried++) {
            if (token.isEmpty()) {
                renew();
            }
            HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(20))
                .header("Authorization", "Bearer " + token).header("Accept", "application/fhir+json").build();
            HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() == 200) {
                return Json.object(Json.read(answer.body()));
            } else if (answer.statusCode() == 401 && !renewed && !BUG.equals("keeps-dead-token")) {
                renewed = true;
                token = "";
            } else if (answer.statusCode() == 429 || answer.statusCode() == 503) {
                double wait = Double.parseDouble(answer.headers().firstValue("retry-after").orElse("1"));
                wait = BUG.equals("ignores-retry-after") ? 0.02 : wait + ThreadLocalRandom.current().nextDouble(0.1, 0.3);
                Thread.sleep((long) (wait * 1000));
            } else {
                break;
            }
        }
        System.err.println("left out: " + url);
        return null;
    }

    void renew() throws Exception {
        String form = Map.of(
            "grant_type", "client_credentials",
            "scope", own("SCOPES"),
            "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion", assertion()
        ).entrySet().stream().map(one -> one.getKey() + "=" + URLEncoder.encode(one.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
        HttpRequest request = HttpRequest.newBuilder(URI.create(own("TOKEN_URL"))).timeout(Duration.ofSeconds(20))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form)).build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException("no token: " + answer.statusCode());
        }
        token = (String) Json.object(Json.read(answer.body())).get("access_token");
    }

    String assertion() throws Exception {
        Map<String, Object> jwk = Json.object(Json.read(own("PRIVATE_KEY")));
        boolean curve = "EC".equals(jwk.get("kty"));
        long now = Instant.now().getEpochSecond();
        Map<String, Object> head = new LinkedHashMap<>();
        head.put("alg", curve ? "ES384" : "RS384");
        head.put("kid", jwk.get("kid"));
        head.put("typ", "JWT");
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", own("CLIENT_ID"));
        claims.put("sub", own("CLIENT_ID"));
        claims.put("aud", own("TOKEN_URL"));
        claims.put("iat", new Json.Numeral(Long.toString(now)));
        claims.put("exp", new Json.Numeral(Long.toString(now + 240)));
        claims.put("jti", UUID.randomUUID().toString());
        String signed = base64(Json.text(head).getBytes(StandardCharsets.UTF_8)) + "."
            + base64(Json.text(claims).getBytes(StandardCharsets.UTF_8));
        Signature signature = Signature.getInstance(curve ? "SHA384withECDSAinP1363Format" : "SHA384withRSA");
        signature.initSign(key(jwk, curve));
        signature.update(signed.getBytes(StandardCharsets.US_ASCII));
        return signed + "." + base64(signature.sign());
    }

    static PrivateKey key(Map<String, Object> jwk, boolean curve) throws Exception {
        if (curve) {
            AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
            parameters.init(new ECGenParameterSpec("secp384r1"));
            ECParameterSpec spec = parameters.getParameterSpec(ECParameterSpec.class);
            return KeyFactory.getInstance("EC").generatePrivate(new ECPrivateKeySpec(number(jwk, "d"), spec));
        }
        return KeyFactory.getInstance("RSA").generatePrivate(new RSAPrivateCrtKeySpec(
            number(jwk, "n"), number(jwk, "e"), number(jwk, "d"), number(jwk, "p"), number(jwk, "q"),
            number(jwk, "dp"), number(jwk, "dq"), number(jwk, "qi")));
    }

    static BigInteger number(Map<String, Object> jwk, String name) {
        return new BigInteger(1, Base64.getUrlDecoder().decode((String) jwk.get(name)));
    }

    static String base64(byte[] octets) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
    }

    /** JSON as maps, lists, strings, booleans and null; numerals stay as they were written. */
    static final class Json {
        record Numeral(String written) {}

        final String source;
        int at = 0;

        Json(String source) {
            this.source = source;
        }

        static Object read(String text) {
            Json reader = new Json(text);
            Object found = reader.value();
            reader.space();
            if (reader.at != text.length()) {
                throw reader.broken();
            }
            return found;
        }

        @SuppressWarnings("unchecked")
        static Map<String, Object> object(Object found) {
            return found instanceof Map ? (Map<String, Object>) found : null;
        }

        static List<Map<String, Object>> objects(Map<String, Object> owner, String name) {
            List<Map<String, Object>> found = new ArrayList<>();
            if (owner != null && owner.get(name) instanceof List<?> list) {
                list.forEach(one -> found.add(object(one)));
            }
            return found;
        }

        static String text(Object value) {
            if (value instanceof Map<?, ?> map) {
                return map.entrySet().stream().map(one -> text(one.getKey()) + ":" + text(one.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
            }
            if (value instanceof List<?> list) {
                return list.stream().map(Json::text).collect(Collectors.joining(",", "[", "]"));
            }
            if (value instanceof Numeral numeral) {
                return numeral.written();
            }
            return value instanceof String string ? quoted(string) : String.valueOf(value);
        }

        static String quoted(String string) {
            StringBuilder made = new StringBuilder("\"");
            for (char one : string.toCharArray()) {
                if (one == '"' || one == '\\') {
                    made.append('\\').append(one);
                } else if (one < ' ' || Character.isSurrogate(one)) {
                    made.append(String.format("\\u%04x", (int) one));
                } else {
                    made.append(one);
                }
            }
            return made.append('"').toString();
        }

        Object value() {
            space();
            char first = source.charAt(at);
            if (first == '{') {
                Map<String, Object> found = new LinkedHashMap<>();
                at++;
                while (!closes('}')) {
                    String name = string();
                    space();
                    expect(':');
                    found.put(name, value());
                }
                return found;
            }
            if (first == '[') {
                List<Object> found = new ArrayList<>();
                at++;
                while (!closes(']')) {
                    found.add(value());
                }
                return found;
            }
            return first == '"' ? string() : word();
        }

        boolean closes(char end) {
            space();
            if (source.charAt(at) == ',') {
                at++;
                space();
            }
            if (source.charAt(at) == end) {
                at++;
                return true;
            }
            return false;
        }

        Object word() {
            int start = at;
            while (at < source.length() && "+-.eE0123456789truefalsn".indexOf(source.charAt(at)) >= 0) {
                at++;
            }
            String word = source.substring(start, at);
            switch (word) {
                case "true": return true;
                case "false": return false;
                case "null": return null;
                case "": throw broken();
                default: return new Numeral(word);
            }
        }

        String string() {
            expect('"');
            StringBuilder made = new StringBuilder();
            while (source.charAt(at) != '"') {
                char one = source.charAt(at++);
                if (one == '\\') {
                    one = source.charAt(at++);
                    if (one == 'u') {
                        one = (char) Integer.parseInt(source.substring(at, at + 4), 16);
                        at += 4;
                    } else if ("bfnrt".indexOf(one) >= 0) {
                        one = "\b\f\n\r\t".charAt("bfnrt".indexOf(one));
                    }
                }
                made.append(one);
            }
            at++;
            return made.toString();
        }

        void expect(char wanted) {
            if (source.charAt(at++) != wanted) {
                throw broken();
            }
        }

        void space() {
            while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
                at++;
            }
        }

        IllegalArgumentException broken() {
            return new IllegalArgumentException("no JSON at " + at);
        }
    }
}
