"""AdvancedMD's REST APIs beside ppmdmsg."""
