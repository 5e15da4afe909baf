"""From a provider's answer to one `Usage`: reading fields, wholes and their parts, what text tells where counts end."""
