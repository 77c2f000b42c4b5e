// A whole bot on Flotilla's Runtime API, in Go without a library: a greeting with a button, and an echo.
package main

import ("bytes"; "encoding/json"; "log"; "net/http"; "os"; "os/signal"; "strings"; "syscall"; "time")

type object = map[string]any
type message struct { Text string; Chat struct { Id int64 }; From struct { First_name string } }
type work struct { Lease, Start string; Update struct { Message message; Callback_query struct { Id string; Message message } } }

func ask(method, path string, body any) (found struct { Items []work }) {
	for content, _ := json.Marshal(body); ; time.Sleep(time.Second) { // nobody there, or too fast: it comes again
		request, _ := http.NewRequest(method, os.Getenv("API_URL")+"/api/v1/runtime"+path, bytes.NewReader(content))
		request.Header = http.Header{"Authorization": {"Bearer " + os.Getenv("WORKER_TOKEN")}, "Content-Type": {"application/json"}}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			json.NewDecoder(answer.Body).Decode(&found); answer.Body.Close()
			switch code := answer.StatusCode; {
			case code < 300 || code == 409: return // lease_gone: answered already, or another copy has it; nothing to undo
			case code < 500 && code != 429: log.Fatal(path, " ", answer.Status)
			}
		}
	}
}

func calls(it work) []object {
	send := func(to message, text string, rows ...[]object) object {
		keyboard := object{"inline_keyboard": append([][]object{}, rows...)}
		return object{"method": "sendMessage", "params": object{"chat_id": to.Chat.Id, "text": text, "reply_markup": keyboard}}
	}
	switch tap, message := it.Update.Callback_query, it.Update.Message; {
	case tap.Id != "": return []object{{"method": "answerCallbackQuery", "params": object{"callback_query_id": tap.Id}}, send(tap.Message, "You pressed it")}
	case message.Text == "": return []object{}
	case !strings.HasPrefix(message.Text, "/start"): return []object{send(message, "You said: "+message.Text)}
	default: return []object{send(message, "Hello "+message.From.First_name+"! You came by: "+append(strings.Fields(it.Start), "yourself")[0], []object{{"text": "Press me", "callback_data": "pressed"}})}
	}
}

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM) // what was taken is answered before the end
	for len(stop) == 0 {
		for _, each := range ask("GET", "/next?wait=5&limit=10", nil).Items {
			ask("POST", "/leases/"+each.Lease+"/response", object{"calls": calls(each)})
		}
	}
}
