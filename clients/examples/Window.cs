using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

// A window's transaction with .NET 8 alone: reads the card, captures the paper, files it, lists what is on file.
// WINDOW_TOKEN is a token with the scopes card, capture, archive:write and archive:read. Ends with 3 where no card lies there.
var address = Environment.GetEnvironmentVariable("WINDOW_ADDRESS") ?? "http://127.0.0.1:18680";
// The service is on this PC: no proxy has to do with it.
using var client = new HttpClient(new HttpClientHandler { UseProxy = false }) { BaseAddress = new Uri(address) };
client.DefaultRequestHeaders.Authorization =
    new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("WINDOW_TOKEN"));
client.DefaultRequestHeaders.Add("Accept-Language", "en");
client.DefaultRequestHeaders.Add("Yidang-Operator", "clerk-07");

// The answer. A changing call has its own Idempotency-Key: sent again under it, it is still carried out once.
async Task<JsonNode> Call(HttpMethod method, string path, object? body = null)
{
    using var request = new HttpRequestMessage(method, path);
    request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
    if (body != null) request.Content = JsonContent.Create(body);
    using var response = await client.SendAsync(request);
    var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
    return response.IsSuccessStatusCode ? answer : throw new Problem(answer);
}

try
{
    var card = await Call(HttpMethod.Post, "/v1/card/read", new { wait_ms = 500 });
    var holder = (string)card["holder"]!;
    var paper = await Call(HttpMethod.Post, "/v1/captures", new { holder });
    foreach (var finding in paper["quality"]!["findings"]!.AsArray()) Console.WriteLine(finding!["en"]);
    var material = await Call(HttpMethod.Post, "/v1/materials",
        new { holders = new[] { holder }, kind = "form", captures = new[] { (string)paper["id"]! }, @case = "K1" });
    Console.WriteLine($"{((bool)material["duplicate"]! ? "on file already" : "filed")} {material["id"]}");
    var list = await Call(HttpMethod.Get, $"/v1/holders/{holder}/materials");
    foreach (var one in list["materials"]!.AsArray()) Console.WriteLine($"on file: {one!["kind"]} {one["id"]}");
    return 0;
}
catch (Problem problem)
{
    Console.Error.WriteLine(problem.Message);
    return problem.Code == "card_absent" ? 3 : 1;
}
catch (HttpRequestException error)
{
    Console.Error.WriteLine($"the service does not answer at {address}: is it running? ({error.Message})");
    return 1;
}

// What the service refuses: the code is stable, title and remedy are for the clerk.
class Problem(JsonNode document) : Exception($"{document["title"]} {document["remedy"]} [{document["code"]}]")
{
    public string Code { get; } = (string)document["code"]!;
}
