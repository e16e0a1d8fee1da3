import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/**
 * Asks each service, URL or URL#VERSION of HTTP, for a token and with it for the
 * region; prints statuses and region, one line a service.
 */
class HttpClientToken {
  public static void main(String[] args) throws Exception {
    for (var arg : args) {
      var service = URI.create(arg);
      System.out.println(ask(service, service.getFragment()));
    }
  }

  static String ask(URI service, String version) throws Exception {
    var builder = HttpClient.newBuilder();
    if (version != null) builder.version(HttpClient.Version.valueOf(version));
    var client = builder.build();
    var token = client.send(
        HttpRequest.newBuilder(service.resolve("/latest/api/token"))
            .header("X-aws-ec2-metadata-token-ttl-seconds", "60")
            .PUT(HttpRequest.BodyPublishers.noBody())
            .build(),
        BodyHandlers.ofString());
    if (token.statusCode() != 200) return "" + token.statusCode();
    var region = client.send(
        HttpRequest.newBuilder(
                service.resolve("/latest/meta-data/placement/region"))
            .header("X-aws-ec2-metadata-token", token.body())
            .build(),
        BodyHandlers.ofString());
    return "200 " + region.statusCode() + " " + region.body();
  }
}
