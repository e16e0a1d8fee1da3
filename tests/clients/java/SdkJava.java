import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.InstanceProfileCredentialsProvider;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.crt.AwsCrtHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.imds.Ec2MetadataClient;
import software.amazon.awssdk.imds.Ec2MetadataClientException;

/** The AWS SDK for Java v2 with each of its HTTP clients. */
class SdkJava {
  public static void main(String[] args) {
    var report = new LinkedHashMap<String, String>();
    report.put("url-connection", ask(UrlConnectionHttpClient.create()));
    report.put("apache", ask(ApacheHttpClient.create()));
    report.put("crt", ask(AwsCrtHttpClient.create()));
    try (var role = InstanceProfileCredentialsProvider.create()) {
      var found = (AwsSessionCredentials) role.resolveCredentials();
      report.put("secret_key", quoted(found.secretAccessKey()));
      report.put("token", quoted(found.sessionToken()));
    }
    System.out.println(object(report));
  }

  private static String ask(SdkHttpClient http) {
    var builder = Ec2MetadataClient.builder().httpClient(http);
    var endpoint = System.getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (endpoint != null) builder.endpoint(URI.create(endpoint));
    try (http; var client = builder.build()) {
      var report = new LinkedHashMap<String, String>();
      report.put("region", answer(client, "meta-data/placement/region"));
      report.put("zone", answer(client, "meta-data/placement/availability-zone"));
      report.put("role", answer(client, "meta-data/iam/security-credentials/"));
      report.put("missing", answer(client, "meta-data/no/such/path"));
      report.put("document", answer(client, "dynamic/instance-identity/document"));
      return object(report);
    }
  }

  private static String answer(Ec2MetadataClient client, String path) {
    try {
      var text = client.get("/latest/" + path).asString();
      // The document is JSON itself.
      return text.startsWith("{") ? text : quoted(text);
    } catch (Ec2MetadataClientException error) {
      return "" + error.statusCode();
    }
  }

  private static String object(Map<String, String> fields) {
    return fields.entrySet().stream()
        .map(field -> quoted(field.getKey()) + ":" + field.getValue())
        .collect(Collectors.joining(",", "{", "}"));
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
