package export_wit_world

import (
	"encoding/json"
	"fmt"

	actions "keyword-strikes/bindings/guildhall_plugin_actions"
	events "keyword-strikes/bindings/guildhall_plugin_events"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

func deleteMessage(message events.Message, reason string) error {
	action := actions.DeleteMessages{Channel: message.Channel, Messages: []uint64{message.Id}}
	return submit(actions.MakeActionDeleteMessages(action), actions.Options{Reason: wit.Some(reason)})
}

// The result comes back as an action-result with this token.
func timeOut(user, until uint64, reason string) error {
	action := actions.Timeout{User: user, Until: wit.Some(until)}
	options := actions.Options{Reason: wit.Some(reason), Token: wit.Some(fmt.Sprintf("timeout:%d", user))}
	return submit(actions.MakeActionTimeout(action), options)
}

func sendMessage(channel uint64, content string) error {
	body := actions.MessageBody{Content: wit.Some(content)}
	return submit(actions.MakeActionSendMessage(actions.SendMessage{Channel: channel, Body: body}), actions.Options{})
}

// Answers an interaction with a text that only its user sees.
func answerPrivately(interaction events.Interaction, content string) error {
	const ephemeral = 1 << 6
	data, err := json.Marshal(map[string]any{
		"content": content, "flags": ephemeral, "allowed_mentions": map[string]any{"parse": []string{}},
	})
	if err != nil {
		return err
	}
	answer := actions.Respond{Interaction: interaction.Id, Token: interaction.Token, Kind: 4, Data: string(data)}
	return submit(actions.MakeActionRespond(answer), actions.Options{})
}

// Actions leave when the call's rows are on disk.
func submit(action actions.Action, options actions.Options) error {
	result := actions.Submit(action, options)
	if result.IsOk() {
		return nil
	}
	switch err := result.Err(); err.Tag() {
	case actions.ErrorNotGranted:
		return fmt.Errorf("action: %s", err.NotGranted())
	case actions.ErrorLimit:
		return fmt.Errorf("action: limit: %s", err.Limit())
	default:
		return fmt.Errorf("action: %s", err.Invalid())
	}
}
