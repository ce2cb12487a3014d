// Package export_wit_world is what the component exports. Its name is that which the bindings call.
package export_wit_world

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	clock "keyword-strikes/bindings/guildhall_plugin_clock"
	events "keyword-strikes/bindings/guildhall_plugin_events"
	log "keyword-strikes/bindings/guildhall_plugin_log"
	metrics "keyword-strikes/bindings/guildhall_plugin_metrics"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

const (
	minute = 60_000
	hour   = 60 * minute
)

// Go's collector asks for the time, which a component may not while the host hands it a text or a list. So it runs only
// where Handle lets it.
func init() {
	debug.SetGCPercent(-1)
}

// Calls between two collections.
const collectEvery = 32

var calls int

func collect() {
	if calls++; calls%collectEvery == 0 {
		runtime.GC()
	}
}

// Handle answers one event. An error undoes the call's rows and actions.
func Handle(event events.Event) wit.Result[wit.Unit, string] {
	collect()
	if err := dispatch(event.Data); err != nil {
		return wit.Err[wit.Unit](err.Error())
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}

func dispatch(data events.EventData) error {
	switch data.Tag() {
	case events.EventDataMessageCreate:
		return messageCreated(data.MessageCreate())
	case events.EventDataInteractionCreate:
		if interaction := data.InteractionCreate(); interaction.Command == "strikes" {
			return showStrikes(interaction)
		}
	case events.EventDataTimer:
		if data.Timer().Name == forgiveTimer {
			return forgive()
		}
	case events.EventDataActionResult:
		noteRefusal(data.ActionResult())
	}
	return nil
}

func messageCreated(message events.Message) error {
	// Webhooks are no members.
	if message.Author.Bot || message.Member.IsNone() || isStaff(message.Member.Some()) {
		return nil
	}
	settings, err := readSettings()
	if err != nil {
		return err
	}
	if keyword, found := findKeyword(message.Content, settings.Keywords); found {
		return judge(settings, message, keyword)
	}
	return nil
}

func judge(settings settings, message events.Message, keyword string) error {
	metrics.Count("matches", 1)
	user := message.Author.Id
	if err := addStrike(message, keyword, clock.Now()); err != nil {
		return err
	}
	strikes, err := strikesOf(user)
	if err != nil {
		return err
	}
	strike := fmt.Sprintf("Strike %d of %d, for \"%s\"", len(strikes), settings.Limit, keyword)
	log.WriteFields(log.LevelInfo, strike, []wit.Tuple2[string, string]{{F0: "user", F1: fmt.Sprint(user)}})
	if err := deleteMessage(message, strike); err != nil {
		return err
	}
	if len(strikes) < settings.Limit {
		return nil
	}
	until := clock.Now() + settings.TimeoutMinutes*minute
	if err := timeOut(user, until, strike); err != nil {
		return err
	}
	if channel := settings.logChannel(); channel.IsSome() {
		text := fmt.Sprintf("<@%d> gets a timeout until <t:%d:t>. %s.", user, until/1000, strike)
		if err := sendMessage(channel.Some(), text); err != nil {
			return err
		}
	}
	return clearStrikes(user)
}

func showStrikes(interaction events.Interaction) error {
	var data struct {
		Options []struct{ Value string }
	}
	if err := json.Unmarshal([]byte(interaction.Data), &data); err != nil || len(data.Options) == 0 {
		return fmt.Errorf("command data without a user: %s", interaction.Data)
	}
	user, err := strconv.ParseUint(data.Options[0].Value, 10, 64)
	if err != nil {
		return err
	}
	strikes, err := strikesOf(user)
	if err != nil {
		return err
	}
	if len(strikes) == 0 {
		return answerPrivately(interaction, fmt.Sprintf("<@%d> has no strikes.", user))
	}
	settings, err := readSettings()
	if err != nil {
		return err
	}
	var answer strings.Builder
	fmt.Fprintf(&answer, "<@%d> has %d of %d strikes:", user, len(strikes), settings.Limit)
	for _, strike := range strikes {
		fmt.Fprintf(&answer, "\n- \"%s\" <t:%d:R>", strike.keyword, strike.at/1000)
	}
	return answerPrivately(interaction, answer.String())
}

func forgive() error {
	settings, err := readSettings()
	if err != nil {
		return err
	}
	forgiven, err := forgiveStrikes(clock.Now() - settings.ForgiveHours*hour)
	if err != nil {
		return err
	}
	if forgiven > 0 {
		metrics.Count("forgiven", forgiven)
		log.Write(log.LevelInfo, fmt.Sprintf("Strikes forgiven: %d", forgiven))
	}
	return nil
}

func noteRefusal(result events.ActionResult) {
	user, isTimeout := strings.CutPrefix(result.Token, "timeout:")
	if isTimeout && result.Outcome.Tag() == events.OutcomeRefused {
		refusal := result.Outcome.Refused()
		text := fmt.Sprintf("The timeout of %s was refused: %s (%d)", user, refusal.Message, refusal.Code)
		log.Write(log.LevelWarn, text)
	}
}
